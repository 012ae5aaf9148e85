import Foundation
import Support
import Testing

/// The tracer of docs/library.md: what stands there is what is built, and works.
@Suite(.serialized)
struct ExampleTests {
  @Test(arguments: ["include/execs.h", "execs.bpf.c", "Execs.swift"]) func standsInTheDocs(
    _ file: String
  ) throws {
    let read = { (path: String) in
      try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
    }
    let source = try read("Examples/execs/\(file)")
    #expect(try read("docs/library.md").contains(source))
  }

  @Test func reportsPrograms() throws {
    let tracer = try Command(Binaries.url("execs").path, ["2"])
    try tracer.read { $0.contains("tracing\n") }
    let program = try Command("/bin/true", [])
    #expect(try program.wait().status == 0)
    let ended = try tracer.wait()
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    #expect(ended.output.contains("\(program.pid) \"true\" on CPU "))
  }
}
