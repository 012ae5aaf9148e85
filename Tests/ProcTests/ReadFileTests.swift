import Glibc
import Testing

import Proc

struct ReadFileTests {
  /// A pipe gives what it has, here more than one read takes, and then its end.
  @Test(arguments: [0, 1, 16383, 16384, 16385, 40_000]) func aWholePipe(size: Int) throws {
    var ends: [Int32] = [0, 0]
    try #require(unsafe pipe(&ends) == 0)
    defer { close(ends[0]) }
    let bytes = (0..<size).map { UInt8(ascii: "a") + UInt8($0 % 26) }
    try #require(unsafe write(ends[1], bytes, size) == size)
    close(ends[1])
    #expect(try Array(contents(of: "/proc/self/fd/\(ends[0])").utf8) == bytes)
  }

  @Test func aLongFileOfTheKernel() throws {
    // One line a symbol; far more than a page.
    let text = try contents(of: "/proc/kallsyms")
    #expect(text.utf8.count > 100_000 && text.utf8.last == UInt8(ascii: "\n"))
  }

  @Test func errorsNameTheFileAndTheCause() {
    let missing = #expect(throws: ProcError.self) { try contents(of: "/proc/no such file") }
    #expect(missing?.description == "/proc/no such file: No such file or directory")
    let directory = #expect(throws: ProcError.self) { try contents(of: "/proc") }
    #expect(directory?.errno == EISDIR)
    let strange = #expect(throws: ProcError.self) {
      try read("/proc/loadavg", as: SchedStat.init(parsing:))
    }
    #expect(strange?.errno == nil && strange?.path == "/proc/loadavg")
  }
}
