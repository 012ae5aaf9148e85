import Histograms
import LoadModel
import Records
import Tasks
import Testing

/// Whom the figures are about.
struct TaskFilterTests {
  /// Two threads of process 10, one of process 20, each one ns longer on the CPU than the other.
  private static func onCPU(_ filter: TaskFilter) -> LoadInterval {
    var script = Script(filter)
    script.told(SONDE_KIND_NEW_TASK, at: 1, 10, comm: "one", cgroup: 100)
    script.told(SONDE_KIND_NEW_TASK, at: 1, 11, of: 10, comm: "two", cgroup: 100)
    script.told(SONDE_KIND_NEW_TASK, at: 1, 20, comm: "one", cgroup: 200)
    var time: UInt64 = 100
    for (tid, length) in [(10, 1), (11, 10), (20, 100)] as [(UInt32, UInt64)] {
      script.switched(at: time, to: Script.next(tid, pcount: 1))
      script.switched(at: time + length, from: tid, 1)
      time += 1000
    }
    return script.close(at: 10_000)
  }

  @Test func kindsOfCondition() {
    var filter = TaskFilter()
    #expect(filter.isEmpty)
    let all = Self.onCPU(filter)
    #expect(all.onCPU.sum == 111 && all.switches == 6)

    filter.processes = [10]
    #expect(!filter.isEmpty)
    let process = Self.onCPU(filter)
    #expect(process.onCPU.sum == 11 && process.switches == 2)
    #expect(process.runnable.total == 11)

    // Within a kind one is enough; a thread is a task as a process is.
    filter.threads = [20]
    #expect(Self.onCPU(filter).onCPU.sum == 111)
    filter.processes = []
    #expect(Self.onCPU(filter).onCPU.sum == 100)
    filter.threads = [11, 10]
    #expect(Self.onCPU(filter).onCPU.sum == 11)

    // All kinds have to hold.
    filter.comms = [Comm("one")]
    #expect(Self.onCPU(filter).onCPU.sum == 1)
    filter.comms = [Comm("one"), Comm("two")]
    #expect(Self.onCPU(filter).onCPU.sum == 11)
    filter.cgroups = [200]
    #expect(Self.onCPU(filter).onCPU.sum == 0)
    filter.threads = []
    #expect(Self.onCPU(filter).onCPU.sum == 100)
  }

  @Test func noCgroupIsNoTask() {
    var filter = TaskFilter()
    filter.cgroups = []
    #expect(!filter.isEmpty)
    #expect(Self.onCPU(filter).onCPU.count == 0)
  }

  /// A name is 15 bytes long.
  @Test func longNames() {
    var filter = TaskFilter()
    filter.comms = [Comm("a name that is too long")]
    var script = Script(filter)
    script.told(SONDE_KIND_NEW_TASK, at: 1, 5, comm: "a name that is ")
    script.switched(at: 10, to: Script.next(5, pcount: 1))
    #expect(script.close(at: 20).runnable.now == 1)
  }

  /// A task that takes the name counts from then on, and one that gives it up no more.
  @Test func renames() {
    var filter = TaskFilter()
    filter.comms = [Comm("wanted")]
    var script = Script(filter)
    script.told(SONDE_KIND_NEW_TASK, at: 1, 5, comm: "other")
    script.switched(at: 10, to: Script.next(5, pcount: 1))
    script.switched(at: 20, from: 5, 1)
    #expect(script.close(at: 30).onCPU.count == 0)
    script.switched(at: 40, to: Script.next(5, pcount: 2))
    script.told(SONDE_KIND_RENAME, at: 45, 5, comm: "wanted")
    #expect(script.close(at: 48).runnable.now == 1)
    script.switched(at: 50, from: 5, 2)
    let renamed = script.close(at: 60)
    #expect(renamed.onCPU.sum == 10 && renamed.switches == 0)
    #expect(renamed.longest?.comm.text == "wanted")
    script.told(SONDE_KIND_RENAME, at: 61, 5, comm: "other")
    let after = script.close(at: 70)
    #expect(after.uninterruptible.now == 0 && after.longest == nil)
  }

  /// The child is another process; a thread is of the same. Neither is taken for its parent.
  @Test func newTasks() {
    var filter = TaskFilter()
    filter.processes = [10]
    var script = Script(filter)
    script.told(SONDE_KIND_NEW_TASK, at: 1, 10)
    script.told(SONDE_KIND_NEW_TASK, at: 2, 12, of: 10)
    script.told(SONDE_KIND_NEW_TASK, at: 2, 13)
    script.switched(at: 10, to: Script.next(12, pcount: 1, runDelay: 3))
    script.switched(at: 10, to: Script.next(13, pcount: 1, runDelay: 4), cpu: 1)
    let interval = script.close(at: 20)
    #expect(interval.runQueueLatency.sum == 3 && interval.runnable.now == 1)
  }

  /// A thread is known by its id alone, even where its birth was lost.
  @Test func threadsOfUnknownBirth() {
    var filter = TaskFilter()
    filter.threads = [9]
    var script = Script(filter)
    script.switched(at: 10, to: Script.next(9, pcount: 8, runDelay: 50))
    script.switched(at: 30, from: 9, 1)
    #expect(script.close(at: 40).onCPU.sum == 20)
  }

  /// Cgroups come and go: which ones match is told with each survey.
  @Test func cgroupsThatChange() {
    var filter = TaskFilter()
    filter.cgroups = []
    var script = Script(filter)
    var spinner = sonde_task.running(5, since: 0)
    spinner.cgroup = 77
    script.survey(at: 1, [spinner])
    #expect(script.close(at: 10).runnable.now == 0)
    script.survey(at: 11, cgroups: [77, 78], [spinner])
    #expect(script.close(at: 20).runnable.now == 1)
    // It is moved to another group that matches, then to one that doesn't.
    spinner.cgroup = 78
    script.survey(at: 21, cgroups: [77, 78], [spinner])
    #expect(script.close(at: 30).runnable.now == 1)
    spinner.cgroup = 79
    script.survey(at: 31, cgroups: [77, 78], [spinner])
    #expect(script.close(at: 40).runnable.now == 0)
    // Where a survey tells none, those of before go on to match.
    spinner.cgroup = 78
    script.survey(at: 41, [spinner])
    #expect(script.close(at: 50).runnable.now == 1)
  }
}

struct CommTests {
  /// What the kernel has is bytes: any, and nothing after the first NUL.
  @Test func asTheKernelHasIt() {
    var script = Script()
    var task = sonde_task.asleep(3, 2, since: 0)
    task.set(comm: [0x66, 0xff, 0x1b, 0, 0x67])
    script.survey(at: 1, [task])
    let comm = script.close(at: 2).longest?.comm
    #expect(comm?.bytes == [0x66, 0xff, 0x1b])
    #expect(comm?.text == "f\u{fffd}\u{1b}")
    task.set(comm: Array("0123456789abcdef".utf8))
    script.survey(at: 3, [task])
    #expect(script.close(at: 4).longest?.comm.bytes.count == 16)
  }
}
