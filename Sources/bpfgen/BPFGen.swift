import Foundation

/// Compiles one BPF program and writes a Swift file that holds the object: what the `CompileBPF`
/// plugin runs, in whichever package it is applied.
///
///     bpfgen CLANG OBJCOPY SOURCE OUTPUT INCLUDE...
@main
struct BPFGen {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 5 else {
      fail("usage: bpfgen CLANG OBJCOPY SOURCE OUTPUT INCLUDE...")
    }
    let source = URL(filePath: arguments[3])
    let output = URL(filePath: arguments[4])
    let object = URL(filePath: output.path + ".o")
    // linux/types.h includes asm/types.h, which Debian keeps under the multiarch folder.
    let includes = arguments[5...] + ["/usr/include/\(machine.name)-linux-gnu"]

    // The folder's name must not end up in the line information: it differs from machine to machine.
    let folder = source.deletingLastPathComponent()
    try run(
      arguments[1],
      [
        "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter",
        "-Werror", "-ffile-prefix-map=\(folder.path)=.", "-D__TARGET_ARCH_\(machine.bpf)",
      ] + includes.map { "-I\($0)" } + ["-c", source.lastPathComponent, "-o", object.path],
      in: folder)
    // DWARF goes, BTF stays.
    try run(arguments[2], ["--strip-debug", object.path], in: folder)

    let name = String(source.lastPathComponent.dropLast(".bpf.c".count))
    let bytes = try Data(contentsOf: object)
    // clang's kfunc for code that is never reached (LLVM 21). Kernels before 6.17 don't have it, and
    // libbpf then looks for it in modules, which takes CAP_SYS_ADMIN.
    guard bytes.range(of: Data("__bpf_trap".utf8)) == nil else {
      fail(
        "\(source.path): has code that can't be reached, such as a switch over all values of some bits"
      )
    }
    let base64 = bytes.base64EncodedString()
    try """
    import BPF

    extension BPFObjects {
      static let \(name) = EmbeddedObject(name: "\(name)", base64: "\(base64)")
    }

    """.write(to: output, atomically: true, encoding: .utf8)
    // Built with --sanitize=address, as tools of plugins then are too, exit() would fail the build for
    // what Foundation's Process leaks.
    _exit(0)
  }

  /// This machine's, as its folders are named and as bpf_tracing.h asks for it.
  private static var machine: (name: String, bpf: String) {
    #if arch(x86_64)
      ("x86_64", "x86")
    #elseif arch(arm64)
      ("aarch64", "arm64")
    #else
      #error("BPF programs can't be built for this architecture yet")
    #endif
  }

  /// Ends with the tool's status where it fails; what it has to say is on standard error.
  private static func run(_ tool: String, _ arguments: [String], in folder: URL) throws {
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { exit(process.terminationStatus) }
  }

  private static func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(64)
  }
}
