import Foundation
import PackagePlugin

/// Compiles BPF programs with the toolchain's own clang and embeds each object in the target that
/// uses this plugin, as `BPFObjects.<name>`: the `.bpf.c` files in the target's own folder, or,
/// where it has none, those in its package's `bpf`.
///
/// They find headers in the target's folder, in the package's `bpf`, and those of the C targets and
/// system libraries of its package that the target depends on: a struct that both sides use is
/// imported into Swift from the header that the program includes.
///
/// The object goes in as a base64 `StaticString`: a literal of bytes takes the compiler minutes.
/// Only the generated Swift is declared as output: a declared `.o` would become a resource bundle
/// beside the binary.
@main
struct CompileBPF: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let shared = context.package.directoryURL.appending(path: "bpf")
    var programs = files(in: target.directoryURL, ending: ".bpf.c")
    if programs.isEmpty { programs = files(in: shared, ending: ".bpf.c") }
    if programs.isEmpty {
      Diagnostics.error("no .bpf.c file in \(target.directoryURL.path) or \(shared.path)")
    }
    let includes = [target.directoryURL, shared] + publicHeaders(of: target.dependencies)
    let headers = Set(includes.flatMap { files(in: $0, ending: ".h") }).sorted { $0.path < $1.path }
    let generator = try context.tool(named: "bpfgen").url
    let clang = try context.tool(named: "clang").url
    let objcopy = try context.tool(named: "llvm-objcopy").url

    return programs.map { source in
      let name = String(source.lastPathComponent.dropLast(".bpf.c".count))
      let output = context.pluginWorkDirectoryURL.appending(path: "\(name).bpf.swift")
      return .buildCommand(
        displayName: "Compiling \(source.lastPathComponent) for the kernel",
        executable: generator,
        arguments: [clang.path, objcopy.path, source.path, output.path] + includes.map(\.path),
        inputFiles: headers + [source],
        outputFiles: [output])
    }
  }

  private func publicHeaders(of dependencies: [TargetDependency]) -> [URL] {
    dependencies.compactMap { dependency in
      guard case .target(let target) = dependency else { return nil }
      if let library = target as? ClangSourceModuleTarget {
        return library.publicHeadersDirectoryURL
      }
      return target is SystemLibraryTarget ? target.directoryURL : nil
    }
  }

  /// Those of a folder that is there, perhaps by a symbolic link, and of what lies in it.
  private func files(in folder: URL, ending suffix: String) -> [URL] {
    let folder = folder.resolvingSymlinksInPath()
    return (FileManager.default.subpaths(atPath: folder.path) ?? []).sorted()
      .filter { $0.hasSuffix(suffix) }.map { folder.appending(path: $0) }
  }
}
