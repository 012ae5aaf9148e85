import Foundation
import PackagePlugin

/// Compiles BPF programs with the toolchain's own clang and embeds each object in the target that
/// uses this plugin, as `BPFObjects.<name>`: the `.bpf.c` files in the target's own folder, or,
/// where it has none, those in the package's `bpf`.
///
/// The object goes in as a base64 `StaticString`: a literal of bytes takes the compiler minutes.
/// DWARF is stripped, BTF stays. Only the generated Swift is declared as output: a declared `.o`
/// would become a resource bundle beside the binary.
@main
struct CompileBPF: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let shared = context.package.directoryURL.appending(path: "bpf")
    let headers = try files(in: shared, ending: ".h")
    var programs = try files(in: target.directoryURL, ending: ".bpf.c")
    if programs.isEmpty { programs = try files(in: shared, ending: ".bpf.c") }
    let script = context.package.directoryURL.appending(path: "Plugins/CompileBPF/compile.sh")
    let clang = try context.tool(named: "clang").url
    let objcopy = try context.tool(named: "llvm-objcopy").url

    return programs.map { source in
      let name = String(source.lastPathComponent.dropLast(".bpf.c".count))
      let output = context.pluginWorkDirectoryURL.appending(path: "\(name).bpf.swift")
      return .buildCommand(
        displayName: "Compiling \(source.lastPathComponent) for the kernel",
        executable: URL(filePath: "/bin/sh"),
        arguments: [
          script.path, clang.path, objcopy.path, source.path, name, output.path, shared.path,
        ],
        inputFiles: headers + [source, script],
        outputFiles: [output])
    }
  }

  private func files(in folder: URL, ending suffix: String) throws -> [URL] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
      .filter { $0.hasSuffix(suffix) }.map { folder.appending(path: $0) }
  }
}
