import Glibc
import Proc
import Testing

struct KernelCountersTests {
  static let fixture = """
    cpu  2255 34 2290 22625563 6290 127 456 0 0 0
    cpu0 1132 34 1441 11311718 3675 127 438 0 0 0
    intr 114930548 113199788 3 0 5 263 0 4
    ctxt 1990473
    btime 1062191376
    processes 2915
    procs_running 1
    procs_blocked 0
    softirq 183433 0 21755

    """

  @Test func fromText() throws {
    let counters = try #require(KernelCounters(parsing: KernelCountersTests.fixture))
    #expect(counters.contextSwitches == 1_990_473 && counters.processes == 2915)
  }

  @Test(arguments: [
    "", "ctxt 1", "processes 1", "ctxt\nprocesses 1", "ctxt x\nprocesses 1",
    "ctxt 1 2\nprocesses 1", "xctxt 1\nprocesses 1",
  ])
  func notFromOtherText(text: String) {
    #expect(KernelCounters(parsing: text) == nil)
  }

  @Test func countOwnSwitches() throws {
    let before = try KernelCounters.contextSwitches()
    for _ in 0..<20 { usleep(100) }
    #expect(try KernelCounters.contextSwitches() >= before + 20)
  }

  @Test func countOwnProcesses() throws {
    let before = try KernelCounters.processes()
    var child: pid_t = 0
    let name = unsafe strdup("true")
    defer { unsafe free(name) }
    var arguments = unsafe [name, nil]
    try #require(unsafe posix_spawnp(&child, "true", nil, nil, &arguments, environ) == 0)
    try #require(waitpid(child, nil, 0) == child)
    #expect(try KernelCounters.processes() > before)
  }
}
