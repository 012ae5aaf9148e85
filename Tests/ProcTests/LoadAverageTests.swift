import Proc
import Testing

struct LoadAverageTests {
  @Test func fromText() throws {
    let load = try #require(LoadAverage(parsing: "530000.07 0.18 12.00 3/1187 11206\n"))
    #expect(load.load1 == 530000.07 && load.load5 == 0.18 && load.load15 == 12)
    #expect(load.runnable == 3 && load.tasks == 1187)
  }

  @Test(arguments: [
    "", "\n", "0.20 0.18 0.12", "0.20 0.18 0.12 1/80", "0.20 0.18 0.12 180 5",
    "0.20 0.18 0.12 1/ 5", "0.20 0.18 0.12 /80 5", "0.20 0.18 0.12 1/80 5 6",
    "0.2 0.18 0.12 1/80 5",
    "inf 0.18 0.12 1/80 5", "nan 0.18 0.12 1/80 5", "0x1p3 0.18 0.12 1/80 5",
    "-0.20 0.18 0.12 1/80 5", "0,20 0.18 0.12 1/80 5", "\n0.20 0.18 0.12 a/b 5",
  ])
  func notFromOtherText(text: String) {
    #expect(LoadAverage(parsing: text) == nil)
  }

  /// sysinfo(2) gives the same averages in 1/65536, not rounded; /proc/loadavg rounds them to
  /// 1/100.
  @Test func agreesWithSysinfo() throws {
    var before: (loads: [Double], tasks: Int)
    var load: LoadAverage
    var after: (loads: [Double], tasks: Int)
    // The kernel takes new averages every five seconds; it may do so in between.
    repeat {
      before = try SystemCall.sysinfo()
      load = try LoadAverage.current()
      after = try SystemCall.sysinfo()
    } while before.loads != after.loads
    for (rounded, exact) in zip([load.load1, load.load5, load.load15], before.loads) {
      #expect(abs(rounded - exact) <= 0.0051)
    }
    #expect(load.runnable >= 1 && load.tasks >= load.runnable)
    // Tasks come and go, and sysinfo(2) has only 16 bits for their number.
    let difference = Int16(truncatingIfNeeded: load.tasks &- before.tasks)
    #expect(abs(Int(difference)) <= 500)
  }
}
