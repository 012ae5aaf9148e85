import Glibc
import Proc
import Testing

struct ProcessStatusTests {
  /// Without the lines that nobody asks for.
  static let fixture = """
    Name:\thttpd
    Umask:\t0022
    State:\tD (disk sleep)
    Tgid:\t4038
    Ngid:\t0
    Pid:\t4040
    TracerPid:\t0
    VmHWM:\t 2097152 kB
    VmRSS:\t 2000000 kB
    RssAnon:\t 1000000 kB
    Threads:\t17
    SigQ:\t0/15660
    Cpus_allowed_list:\t0-1
    voluntary_ctxt_switches:\t150
    nonvoluntary_ctxt_switches:\t545

    """

  /// The fixture with one line in place of the one that begins alike.
  static func fixture(_ key: String, _ line: String) -> String {
    fixture.split(separator: "\n").map { $0.hasPrefix(key) ? line : String($0) }
      .joined(separator: "\n")
  }

  @Test func fromText() throws {
    let status = try #require(ProcessStatus(parsing: ProcessStatusTests.fixture))
    #expect(status.name == "httpd" && status.state == "D")
    #expect(status.tgid == 4038 && status.pid == 4040 && status.threads == 17)
    #expect(status.vmRSS == 2_048_000_000)
    #expect(status.voluntarySwitches == 150 && status.nonvoluntarySwitches == 545)
    #expect(status.allowedCPUs == "0-1")
  }

  @Test func inAContainer() throws {
    #expect(try #require(ProcessStatus(parsing: ProcessStatusTests.fixture)).innerIDs == [])
    let text = ProcessStatusTests.fixture("VmHWM:", "NSpid:\t4040\t17\t1")
    #expect(try #require(ProcessStatus(parsing: text)).innerIDs == [17, 1])
  }

  @Test func aKernelThreadHasNoMemory() throws {
    let text = ProcessStatusTests.fixture("VmRSS:", "Seccomp:\t0")
    #expect(try #require(ProcessStatus(parsing: text)).vmRSS == nil)
  }

  @Test(arguments: [
    "", "a b", " ", "a:b", "Tgid:\t1", #"two\nlines"#, #"back\\slash"#, "return\r", "\r",
    "\u{301}accent", "héé", "kworker/0:1-events",
  ])
  func oddNames(name: String) throws {
    let text = ProcessStatusTests.fixture("Name:", "Name:\t\(name)")
    let status = try #require(ProcessStatus(parsing: text))
    #expect(Array(status.name.utf8) == Array(name.utf8))
    #expect(status.tgid == 4038)
  }

  @Test(arguments: [
    ("Name:", "Name:"), ("Name:", "Nom:\tx"), ("State:", "State:\t"), ("State:", "X"),
    ("Tgid:", "Tgid:\tx"), ("Tgid:", "Tgid:\t1 2"), ("Pid:", "Pid:\t2147483648"),
    ("VmRSS:", "VmRSS:\t12"), ("VmRSS:", "VmRSS:\t12 MB"), ("VmRSS:", "VmRSS:\t-1 kB"),
    ("VmRSS:", "VmRSS:\t18446744073709551615 kB"), ("Threads:", ""),
    ("voluntary", "voluntary_ctxt_switches:\t-1"), ("nonvoluntary", ""),
  ])
  func notFromOtherText(key: String, line: String) {
    #expect(ProcessStatus(parsing: ProcessStatusTests.fixture(key, line)) == nil)
  }

  @Test func ofThisThread() throws {
    let thread = try SystemCall.gettid()
    let status = try ProcessStatus.of(pid: thread)
    #expect(status.tgid == getpid() && status.pid == thread && status.state == "R")
    #expect(status.threads >= 1)
    #expect(try #require(status.vmRSS) > 1 << 20)
  }

  @Test func countsSwitchesAsTheKernelDoes() throws {
    func own() throws -> (voluntary: UInt64, nonvoluntary: UInt64) {
      var usage = rusage()
      let thisThread: Int32 = 1  // RUSAGE_THREAD
      try #require(unsafe getrusage(thisThread, &usage) == 0)
      return (UInt64(usage.ru_nvcsw), UInt64(usage.ru_nivcsw))
    }
    let before = try own()
    usleep(1_000)
    let status = try ProcessStatus.of(pid: SystemCall.gettid())
    let after = try own()
    #expect(status.voluntarySwitches > before.voluntary)
    #expect(status.voluntarySwitches <= after.voluntary)
    #expect(status.nonvoluntarySwitches >= before.nonvoluntary)
    #expect(status.nonvoluntarySwitches <= after.nonvoluntary)
  }

  @Test func aProcessThatIsNotThere() {
    let error = #expect(throws: ProcError.self) { try ProcessStatus.of(pid: 5_000_000) }
    #expect(error?.errno == ENOENT && error?.path == "/proc/5000000/status")
  }
}
