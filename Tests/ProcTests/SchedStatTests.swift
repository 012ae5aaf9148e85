import Glibc
import Proc
import Testing

struct SchedStatTests {
  @Test func fromText() throws {
    let stat = try #require(SchedStat(parsing: "18446744073709551615 270134 42\n"))
    #expect(stat.onCPU == .max && stat.runDelay == 270_134 && stat.timeslices == 42)
  }

  @Test(arguments: ["", "\n", "1 2", "1 2 3 4", "1 2 x", "-1 2 3", "18446744073709551616 2 3"])
  func notFromOtherText(text: String) {
    #expect(SchedStat(parsing: text) == nil)
  }

  /// The thread's CPU clock reads the same counter, after bringing it up to date.
  @Test func agreesWithTheThreadsClock() throws {
    func clock() throws -> UInt64 {
      var time = timespec()
      try #require(unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0)
      return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
    for _ in 0..<100 {
      let before = try clock()
      let stat = try SchedStat.of(tid: SystemCall.gettid())
      let after = try clock()
      #expect(before <= stat.onCPU && stat.onCPU <= after)
      #expect(stat.timeslices > 0)
    }
  }

  @Test func aTaskThatIsNotThere() {
    // Above the largest pid_max (PID_MAX_LIMIT, 2^22).
    #expect(throws: ProcError.self) { try SchedStat.of(tid: 5_000_000) }
    let error = #expect(throws: ProcError.self) { try SchedStat.of(tid: -1) }
    #expect(error?.errno == ENOENT)
    #expect(error?.description == "/proc/-1/schedstat: No such file or directory")
  }
}
