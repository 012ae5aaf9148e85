// swift-tools-version: 6.2
import PackageDescription

// A package of its own that uses the library and the plugin as anybody's would: `make dependent`.
let package = Package(
  name: "dependent",
  dependencies: [.package(name: "sonde", path: "../..")],
  targets: [
    .systemLibrary(name: "RenameEvents", path: "Sources/renames/include"),
    .executableTarget(
      name: "renames", dependencies: ["RenameEvents", .product(name: "BPF", package: "sonde")],
      exclude: ["renames.bpf.c", "include"],
      plugins: [.plugin(name: "CompileBPF", package: "sonde")]),
    // The library's tests once more, alone: `make sanitize`.
    .testTarget(
      name: "Library", dependencies: [.product(name: "BPF", package: "sonde")],
      exclude: ["kinds", "maps", "refused", "refused_late"].map { "\($0).bpf.c" },
      plugins: [.plugin(name: "CompileBPF", package: "sonde")]),
  ]
)
