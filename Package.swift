// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let tests: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
/// RawSpan parameters of closures and views into mapped memory.
let lifetimes: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "sonde",
  products: [
    .library(name: "BPF", targets: ["BPF"]),
    .plugin(name: "CompileBPF", targets: ["CompileBPF"]),
    .executable(name: "loadwatch", targets: ["loadwatch"]),
    .executable(name: "cloneprof", targets: ["cloneprof"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
  ],
  targets: [
    // The kernel side: its records, for Swift to import, and what compiles its programs.
    .target(
      name: "Records", path: "bpf",
      exclude: [
        "sched.bpf.c", "clone.bpf.c", "kernel.bpf.h", "memory.bpf.h", "clone.bpf.h", "child.bpf.h",
        "copy.bpf.h", "ring.bpf.h",
        "LICENSE",
      ]),
    .plugin(name: "CompileBPF", capability: .buildTool(), dependencies: ["bpfgen"]),
    .executableTarget(name: "bpfgen", swiftSettings: strict),

    // C at the edge.
    .target(
      name: "CLibbpf",
      linkerSettings: [.linkedLibrary("bpf"), .linkedLibrary("elf"), .linkedLibrary("z")]),
    .target(name: "CLinux"),
    .target(name: "CStart"),
    .target(name: "CExperiment"),
    .target(name: "CElf", linkerSettings: [.linkedLibrary("elf")]),
    .target(name: "CFrames"),
    .systemLibrary(name: "CCompression"),

    // Libraries, lowest first.
    .target(
      name: "BPF",
      dependencies: ["CLibbpf", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: strict + lifetimes),
    .target(name: "Histograms", swiftSettings: strict),
    .target(name: "Proc", dependencies: ["CLinux"], swiftSettings: strict),
    .target(name: "Symbols", dependencies: ["CElf", "Proc"], swiftSettings: strict),
    .target(
      name: "Unwinding", dependencies: ["CFrames", "Proc", "Symbols"], swiftSettings: strict),
    .target(name: "Reports", dependencies: ["Histograms"], swiftSettings: strict),
    .target(name: "Input", swiftSettings: strict + lifetimes),
    // What is kept of a run's input, in files.
    .target(
      name: "Recording",
      dependencies: [
        "CCompression", "CLinux", "Input",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .target(name: "Tasks", swiftSettings: strict + lifetimes),
    .target(
      name: "LoadModel", dependencies: ["Records", "Histograms", "Input", "Reports", "Tasks"],
      swiftSettings: strict + lifetimes),
    .target(
      name: "CloneModel", dependencies: ["Records", "Histograms", "Input", "Reports", "Tasks"],
      swiftSettings: strict + lifetimes),
    .target(
      name: "Faces", dependencies: ["Histograms", "Reports"], swiftSettings: strict),
    .target(
      name: "Session",
      dependencies: [
        "BPF", "CLinux", "Proc", "Reports",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .target(
      name: "LoadProbes",
      dependencies: [
        "BPF", "CLinux", "Input", "LoadModel", "Proc", "Records", "Reports", "Session", "Symbols",
        "Tasks",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict + lifetimes,
      plugins: ["CompileBPF"]),

    .target(
      name: "CloneProbes",
      dependencies: [
        "BPF", "CLinux", "CloneModel", "Collapse", "Experiments", "Histograms", "Input", "Proc",
        "Records", "Reports", "Session", "Symbols", "Tasks", "Unwinding",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict + lifetimes,
      plugins: ["CompileBPF"]),
    // Forks of processes of its own, and changes to others' memory.
    .target(
      name: "Experiments",
      dependencies: [
        "CExperiment", "CLinux", "Proc", "Reports", "Session",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .target(
      name: "Collapse",
      dependencies: [
        "BPF", "CExperiment", "CLinux", "Proc", "Records", "Reports",
      ],
      exclude: ["collapse.bpf.c"], swiftSettings: strict, plugins: ["CompileBPF"]),
    // What is seen on a terminal, and what its keys do; it knows no terminal.
    .target(
      name: "Screen", dependencies: ["Faces", "Histograms", "Reports"], swiftSettings: strict),
    // What is seen in a browser: pages that stand for themselves.
    .target(
      name: "Pages", dependencies: ["Faces", "Histograms", "Reports"], swiftSettings: strict),
    // What other programs open. The code for their formats is made of the .proto files: `make protos`.
    .target(
      name: "ExportProtos",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["metrics.proto", "otlp.proto", "perfetto.proto", "profile.proto"]),
    .target(
      name: "Exports",
      dependencies: [
        "CCompression", "CloneModel", "ExportProtos", "Faces", "Input", "LoadModel", "Records",
        "Reports", "Tasks", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: strict + lifetimes),
    // What a fleet's monitoring asks for.
    .target(
      name: "Metrics",
      dependencies: [
        "ExportProtos", "Faces", "Histograms", "Reports",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: strict),
    .target(
      name: "CServing",
      linkerSettings: [
        .linkedLibrary("ssl"), .linkedLibrary("crypto"), .linkedLibrary("crypt"),
        .linkedLibrary("yaml"),
      ]),
    .target(name: "Serving", dependencies: ["CLinux", "CServing"], swiftSettings: strict),
    .target(
      name: "CommandLine",
      dependencies: [
        "BPF", "CLinux", "Exports", "Faces", "Input", "Pages", "Proc", "Recording", "Reports",
        "Screen",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    // What is served of a run, and pushed.
    .target(
      name: "Exporting",
      dependencies: [
        "CLinux", "CommandLine", "Faces", "Input", "Metrics", "Pages", "Proc", "Recording",
        "Reports", "Serving", "Session",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    // The tools.
    .executableTarget(
      name: "loadwatch",
      dependencies: [
        "CLinux", "CStart", "CloneProbes", "CommandLine", "Exporting", "Exports", "Faces", "Input",
        "LoadModel", "LoadProbes", "Metrics", "Pages", "Proc", "Reports", "Screen", "Serving",
        "Session", "Tasks",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    .executableTarget(
      name: "cloneprof",
      dependencies: [
        "CLinux", "CStart", "CloneModel", "CloneProbes", "Collapse", "CommandLine", "Experiments",
        "Exporting", "Exports", "Faces", "Input", "Metrics", "Pages", "Proc", "Reports", "Screen",
        "Session", "Tasks",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    // A complete tracer, as docs/library.md shows it.
    .systemLibrary(name: "ExecEvents", path: "Examples/execs/include"),
    .executableTarget(
      name: "execs", dependencies: ["BPF", "ExecEvents"], path: "Examples/execs",
      exclude: ["execs.bpf.c", "include"], swiftSettings: strict, plugins: ["CompileBPF"]),

    // What the tests run and stand on.
    .executableTarget(
      name: "testload", path: "Tests/Loads", cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("pthread")]),
    .target(
      name: "CSupport", path: "Tests/CSupport", linkerSettings: [.linkedLibrary("z")]),
    // Keeps a run's input for the tests without a kernel: Tests/Captures.
    .executableTarget(
      name: "capture",
      dependencies: [
        "CaptureFormat", "Input", "LoadModel", "LoadProbes", "Reports", "Session",
      ],
      path: "Tests/Capture", swiftSettings: tests),
    .target(
      name: "CaptureFormat", dependencies: ["CSupport", "Input", "LoadModel", "Reports"],
      path: "Tests/CaptureFormat", swiftSettings: tests),
    .target(
      name: "Support", dependencies: ["CSupport"], path: "Tests/Support", swiftSettings: tests),
    // Needs root and a kernel; the lab runs the same inside others.
    .testTarget(
      name: "KernelTests",
      dependencies: [
        "BPF", "CloneProbes", "CloneModel", "Histograms", "Input", "LoadProbes", "LoadModel",
        "Proc", "Recording", "Records", "Reports", "Session", "Support", "Symbols", "Tasks",
        "testload", .product(name: "SystemPackage", package: "swift-system"),
      ],
      exclude: ["kinds", "maps", "refused", "refused_late"].map { "Library/\($0).bpf.c" },
      swiftSettings: strict + lifetimes, plugins: ["CompileBPF"]),
    // The built programs, as a user runs them.
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "BPF", "CSupport", "Experiments", "Histograms", "Proc", "Reports", "Support", "testload",
        "loadwatch", "cloneprof", "execs",
      ],
      swiftSettings: tests),
    .testTarget(
      name: "LoadProbesTests", dependencies: ["LoadModel", "LoadProbes", "Proc", "Reports"],
      swiftSettings: strict),
    .testTarget(
      name: "HistogramsTests", dependencies: ["Histograms", "Support"], swiftSettings: strict),
    .testTarget(
      name: "LoadModelTests",
      dependencies: [
        "CaptureFormat", "Faces", "Input", "LoadModel", "Records", "Reports", "Histograms",
        "Support", "Tasks",
      ],
      swiftSettings: strict + lifetimes),
    .testTarget(
      name: "CloneModelTests",
      dependencies: ["CloneModel", "Records", "Histograms", "Reports", "Support", "Tasks"],
      swiftSettings: strict + lifetimes),
    .testTarget(
      name: "RecordingTests",
      dependencies: [
        "CaptureFormat", "Input", "LoadModel", "Recording", "Reports", "Support",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: tests),
    .testTarget(name: "TasksTests", dependencies: ["Tasks"], swiftSettings: strict),
    .testTarget(name: "SessionTests", dependencies: ["Session"], swiftSettings: strict),
    .testTarget(
      name: "CollapseTests", dependencies: ["Collapse", "Proc", "Reports"], swiftSettings: strict),
    .testTarget(name: "ProcTests", dependencies: ["Proc"], swiftSettings: strict),
    .testTarget(
      name: "SymbolsTests", dependencies: ["Proc", "Support", "Symbols", "testload"],
      swiftSettings: tests),
    .testTarget(
      name: "UnwindingTests", dependencies: ["CFrames", "Support", "testload"],
      swiftSettings: tests),
    .testTarget(
      name: "ReportsTests", dependencies: ["Histograms", "Reports", "Support"],
      swiftSettings: strict),
    .testTarget(
      name: "ScreenTests",
      dependencies: ["Faces", "Histograms", "Reports", "Screen", "Support"], swiftSettings: strict),
    .testTarget(
      name: "MetricsTests", dependencies: ["Exporting", "Metrics", "Serving", "Support"],
      swiftSettings: tests),
    .testTarget(
      name: "FacesTests",
      dependencies: ["Histograms", "Faces", "Reports", "Support"],
      swiftSettings: strict),
  ]
)

// Instrumented for libFuzzer: `make fuzz` builds nothing else.
if Context.environment["SONDE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["CloneModel", "Input", "LoadModel"], path: "Tests/Fuzz",
      swiftSettings: strict + lifetimes))
}
