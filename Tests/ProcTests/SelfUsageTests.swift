import Glibc
import Testing

import Proc

struct SelfUsageTests {
  @Test func pagesFromText() {
    #expect(SelfUsage.residentPages(parsing: "6021 1352 1067 5 0 190 0\n") == 1352)
    #expect(SelfUsage.residentPages(parsing: "") == nil)
    #expect(SelfUsage.residentPages(parsing: "6021 1352") == nil)
    #expect(SelfUsage.residentPages(parsing: "6021 x 1067 5 0 190 0") == nil)
  }

  @Test func cpuTimeAgreesWithGetrusage() throws {
    /// Microseconds, both parts rounded down.
    func used() throws -> UInt64 {
      var usage = rusage()
      try #require(unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0)
      let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
      return UInt64(seconds * 1_000_000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }
    let before = try used()
    let time = try SelfUsage.cpuTime()
    let after = try used()
    #expect(before * 1_000 <= time)
    #expect(time <= (after + 2) * 1_000)
  }

  @Test func residentMemoryGrowsWithUse() throws {
    let size = 64 << 20
    let before = try SelfUsage.residentBytes()
    // Other tests run at the same time, and may free some.
    let memory = [UInt8](repeating: 1, count: size)
    let after = try SelfUsage.residentBytes()
    #expect(memory[size / 2] == 1)
    #expect(after >= before + UInt64(size) * 3 / 4)
  }

  @Test func residentMemoryAgreesWithStatus() throws {
    let usage = try SelfUsage.current()
    let status = try #require(try ProcessStatus.of(pid: getpid()).vmRSS)
    // The other test's 64 MiB may come or go in between.
    #expect(abs(Int(usage.residentBytes) - Int(status)) <= 72 << 20)
    #expect(usage.cpuTime > 0)
  }
}
