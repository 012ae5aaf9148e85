import Foundation
import Proc
import Support
import Testing

/// A file system whose server doesn't answer: nothing that is looked up hangs.
@Suite(.serialized)
struct HungMountTests {
  @Test(.needs(.fuse)) func readsAreGivenUp() throws {
    let load = try Load("fuse", "1", printsIDs: true)
    defer { _ = load.stop() }
    let reader = try #require(load.tids.first)
    // It has this file open and nothing else.
    let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(reader)/fd")
    let path = try #require(
      files.compactMap {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(reader)/fd/\($0)")
      }.first { $0.hasPrefix("/tmp/testload-") })
    let lookups = Lookups(mostStuck: 2)
    #expect(throws: ProcError.self) {
      try lookups.result(of: path) { () throws(ProcError) in try bytes(of: path) }
    }
    #expect(lookups.leftOut == 1)
    // Its type shows all the same.
    #expect(SyscallFile.fileSystem(ofTask: reader) == "fuse")
    #expect(lookups.value { 1 } == 1)
  }
}
