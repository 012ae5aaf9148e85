import Proc
import Testing

/// Limits of cgroups, as kernels write them.
struct CgroupLimitTests {
  @Test(arguments: [
    ("8:16 rbps=2097152 wbps=max riops=max wiops=120\n", ["8:16 rbps=2097152 wiops=120"]),
    ("8:16 rbps=max wbps=max riops=max wiops=max\n7:0 wbps=1\n", ["7:0 wbps=1"]),
    // Of version 1: one figure in each file.
    ("7:0 400000\n8:0 5\n", ["7:0 400000", "8:0 5"]),
    ("", []), ("Total 12\n", []), ("8:16\n", []),
  ])
  func ofDevices(_ text: String, _ found: [String]) {
    #expect(CgroupLimit.limits(parsing: text).map { "\($0.numbers) \($0.setting)" } == found)
  }
}
