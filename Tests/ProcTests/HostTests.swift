import Glibc
import Testing

import Proc

struct HostTests {
  @Test(arguments: [
    ("0-3,5,7-9\n", [0, 1, 2, 3, 5, 7, 8, 9]), ("0\n", [0]), ("0-0", [0]), ("\n", []), ("", []),
    ("62-64,4095", [62, 63, 64, 4095]),
  ])
  func cpusFromText(text: String, cpus: [Int]) {
    #expect(Host.cpuList(parsing: text) == cpus)
  }

  @Test(arguments: [
    "a", "1-", "-1", "3-1", "1,", ",1", "1,,2", "1-2-3", "1 2", "2,1", "1-3,3", "1-3,2-5", "-",
    "0-9223372036854775808",
  ])
  func notFromOtherText(text: String) {
    #expect(Host.cpuList(parsing: text) == nil)
  }

  @Test func thisOne() throws {
    let host = try Host.current()
    #expect(host.onlineCPUCount == sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    #expect(Set(host.presentCPUs).isSuperset(of: host.onlineCPUs))
    #expect(Set(host.possibleCPUs).isSuperset(of: host.presentCPUs))
    #expect(try contents(of: "/proc/sys/kernel/osrelease") == host.kernelRelease + "\n")
    #expect(try contents(of: "/proc/sys/kernel/hostname") == host.hostname + "\n")
  }
}
