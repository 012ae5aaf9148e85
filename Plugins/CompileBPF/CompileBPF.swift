import Foundation
import PackagePlugin

/// Compiles every `bpf/*.bpf.c` with the toolchain's own clang and embeds the object in the target
/// that uses this plugin, as `BPFObjects.<name>`.
///
/// The object goes in as a base64 `StaticString`: a literal of bytes takes the compiler minutes.
/// DWARF is stripped, BTF stays. Only the generated Swift is declared as output: a declared `.o`
/// would become a resource bundle beside the binary.
@main
struct CompileBPF: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let sources = context.package.directoryURL.appending(path: "bpf")
    let files = try FileManager.default.subpathsOfDirectory(atPath: sources.path).sorted()
    let headers = files.filter { $0.hasSuffix(".h") }.map { sources.appending(path: $0) }
    let script = context.package.directoryURL.appending(path: "Plugins/CompileBPF/compile.sh")
    let clang = try context.tool(named: "clang").url
    let objcopy = try context.tool(named: "llvm-objcopy").url

    return files.filter { $0.hasSuffix(".bpf.c") }.map { file in
      let name = String(file.dropLast(".bpf.c".count))
      let output = context.pluginWorkDirectoryURL.appending(path: "\(name).bpf.swift")
      return .buildCommand(
        displayName: "Compiling \(file) for the kernel",
        executable: URL(filePath: "/bin/sh"),
        arguments: [
          script.path, clang.path, objcopy.path, sources.appending(path: file).path, name,
          output.path,
        ],
        inputFiles: headers + [sources.appending(path: file), script],
        outputFiles: [output])
    }
  }
}
