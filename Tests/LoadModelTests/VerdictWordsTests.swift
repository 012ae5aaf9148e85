import LoadModel
import Reports
import Testing

/// Whom a verdict's sentence names, and that it claims nothing that wasn't read.
struct VerdictWordsTests {
  private func blocked(
    _ name: String?, _ pid: UInt32?, _ load: Double, _ wait: WaitKind, count: Int = 1,
    isKernelThread: Bool = false, active: UInt64 = 1
  ) -> AttributionRow {
    AttributionRow(
      state: .uninterruptible, process: name, pid: pid, site: name == nil ? nil : "f", wait: wait,
      kernelThread: isKernelThread, folded: name == nil ? true : nil, count: count, active: active,
      load1: load)
  }

  private func running(_ name: String?, _ pid: UInt32?, _ load: Double, count: Int = 1)
    -> AttributionRow
  {
    AttributionRow(
      state: .runnable, process: name, pid: pid, folded: name == nil ? true : nil, count: count,
      load1: load)
  }

  private func verdict(_ rows: [AttributionRow], idle: [Double] = [0.9, 0.9]) -> Verdict {
    var verdict = Verdict()
    let load = rows.reduce(0) { $0 + $1.load1 }
    (verdict.rows, verdict.load1, verdict.timeWeighted) = (rows, load, load)
    (verdict.idle, verdict.runnableMean) = (idle, load)
    return verdict
  }

  private func text(_ rows: [AttributionRow], idle: [Double] = [0.9, 0.9]) -> String? {
    verdict(rows, idle: idle).parts().first?.text
  }

  @Test func parentsInVfork() {
    #expect(
      text([blocked("sh", 7, 1, .vfork)])
        == "sh (7) is blocked in vfork() until the child execs or exits.")
    #expect(
      text((1...5).map { blocked("sh", $0, 1, .vfork) })
        == "5 parents are blocked in vfork() until their children exec or exit.")
    // As many as that have come and gone, one at a time.
    #expect(
      text((1...5).map { blocked("make", $0, 0.2, .vfork, active: $0 == 1 ? 1 : 0) })
        == "5 make processes are blocked in vfork() until their children exec or exit.")
  }

  /// Whose rows were folded has no name, and its cause all the same.
  @Test func foldedRowsAreNeverTheSubject() throws {
    let rows = [
      blocked(nil, nil, 900, .vfork, count: 900, active: 900), blocked("a", 7, 1, .vfork),
    ]
    let part = try #require(verdict(rows).parts().first)
    #expect(part.cause == .vforkParents)
    #expect(part.text == "901 parents are blocked in vfork() until their children exec or exit.")
    for wait in WaitKind.allCases where wait != .vfork {
      let parts = verdict([
        blocked(nil, nil, 90, wait, count: 900), blocked("a", 7, 1, wait),
      ]).parts()
      #expect(
        parts[0].text.contains("901 processes (none over 2 % of this load) are"), "\(parts[0].text)"
      )
      #expect(!(parts[0].text + parts[0].evidence.joined()).contains("others"))
    }
    #expect(
      text([running(nil, nil, 90, count: 45)], idle: [0, 0])
        == "The CPUs are saturated by 45 processes, none over 3 % of this load.")
  }

  @Test func whoIsClearlyTheLargest() {
    func saturated(_ loads: [Double]) -> String? {
      text(
        loads.enumerated().map { running("p\($0.offset)", UInt32($0.offset + 1), $0.element) },
        idle: [0, 0])
    }
    #expect(
      saturated(Array(repeating: 1, count: 10))
        == "The CPUs are saturated by 10 processes, none over 10 % of this load.")
    #expect(saturated([5, 2, 2, 1]) == "The CPUs are saturated, mostly by p0 (1).")
    #expect(
      saturated([4, 3, 3]) == "The CPUs are saturated by 3 processes, none over 40 % of this load.")
    #expect(
      saturated([4, 2, 1, 1, 1, 1, 1, 1, 1, 1]) == "The CPUs are saturated, mostly by p0 (1).")
    // Those of one name are one.
    #expect(
      text((1...10).map { running("worker", $0, 1) }, idle: [0, 0])
        == "The CPUs are saturated, mostly by worker (10 processes).")
  }

  @Test func oddNames() {
    #expect(
      text([running("", 7, 9)], idle: [0, 0]) == #"The CPUs are saturated, mostly by "" (7)."#)
    #expect(
      text((1...3).map { blocked("(sd-pam)", $0, 1, .disk) })
        == "3 (sd-pam) processes are blocked on disk I/O.")
    let unknown = AttributionRow(state: .runnable, load1: 9)
    #expect(text([unknown], idle: [0, 0]) == "The CPUs are saturated by 1 process.")
  }

  @Test func kernelThreadsWithoutWork() throws {
    let threads = (1...100 as ClosedRange<UInt32>).map {
      blocked("noload/\($0)", $0, 1, .other, isKernelThread: true)
    }
    #expect(
      text(threads)
        == "This load is probably not real work: 100 kernel threads (none over 1 % of this load) are in uninterruptible sleep."
    )
    #expect(
      text([blocked("noload/1", 9, 2, .other, isKernelThread: true)])
        == "This load is probably not real work: noload/1 (9) is in uninterruptible sleep.")
  }

  /// Where a task may run is said only if it has been read, as it was read.
  @Test func affinity() throws {
    var pinned = verdict([running("fio", 9, 3), running("a", 7, 1)], idle: [0.02, 0.5])
    #expect(pinned.needsAffinityOf == 9)
    func first() throws -> VerdictPart { try #require(pinned.parts().first) }
    #expect(
      try first().cause == .oneCPU
        && first().text == "1 of 2 CPUs is saturated while the other is 50 % idle.")
    #expect(try !(first().text + first().evidence.joined()).contains("may"))
    var answer = Answer(.affinity(process: 9))
    (answer.text, answer.count) = ("0-1", 2)
    pinned.facts[answer.lookup] = answer
    #expect(try !first().evidence.joined().contains("may run"))
    (answer.text, answer.count) = ("0", 1)
    pinned.facts[answer.lookup] = answer
    #expect(try first().evidence.contains("fio (9) may run on CPU 0 only (Cpus_allowed_list)"))
    pinned.idle = [0.02, 0.01, 0.6, 0.4]
    #expect(try first().text == "2 of 4 CPUs are saturated while the others are 50 % idle.")
    pinned.idle = [0, 0]
    #expect(pinned.needsAffinityOf == nil)
  }

  /// A cgroup's I/O limit, for a disk that could do more; and a disk that could not.
  @Test func heldBack() throws {
    var slow = verdict([blocked("fio", 9, 3, .disk)], idle: [0.9, 0.9])
    slow.disks = [BusyDisk(name: "sda", share: 0.02)]
    func first() throws -> VerdictPart { try #require(slow.parts().first) }
    #expect(try first().text == "fio (9) is blocked on disk I/O, but no disk is busy.")
    #expect(slow.wanted == [.limit(.io, process: 9)])
    var answer = Answer(.limit(.io, process: 9))
    answer.limit = LimitSetting(
      path: "/db", file: "io.max", setting: "wbps=400000", device: "sda", used: nil)
    slow.facts[answer.lookup] = answer
    #expect(
      try first().text
        == "fio (9) is blocked on disk I/O, held back by the I/O limit of cgroup /db.")
    #expect(try first().evidence.contains("io.max of /db: wbps=400000 on sda"))
    // It may wait for the other one.
    slow.disks = [BusyDisk(name: "sdb", share: 0.9), BusyDisk(name: "sda", share: 0.02)]
    #expect(try first().text == "fio (9) is blocked on disk I/O.")
    slow.disks = [BusyDisk(name: "sda", share: 0.98, requestMs: 45.2, inFlight: 32)]
    #expect(try first().text == "fio (9) is blocked on disk I/O.")
    #expect(
      try first().evidence.contains(
        "disk sda was busy 98 % of the time, 45.20 ms a request, 32 in flight"))
  }

  @Test func atItsMemoryLimit() throws {
    var short = verdict([blocked("postgres", 9, 3, .memory)], idle: [0.9, 0.9])
    #expect(short.wanted == [.limit(.memory, process: 9)])
    var answer = Answer(.limit(.memory, process: 9))
    answer.limit = LimitSetting(
      path: "/pg", file: "memory.max", setting: "\(64 << 20)", device: nil, used: 63 << 20)
    short.facts[answer.lookup] = answer
    let part = try #require(short.parts().first)
    #expect(
      part.text
        == "postgres (9) is blocked on memory reclaim or swap: cgroup /pg is close to its memory limit."
    )
    #expect(part.evidence.contains("/pg uses 63.00 of 64.00 MiB (memory.max)"))
    #expect(part.advice?.hasPrefix("Raise memory.max of /pg") == true)
  }

  /// A host that takes the CPU away: run queue latency does not show it.
  @Test func stolen() throws {
    var virtual = verdict([running("a", 7, 2)], idle: [0.1, 0.1])
    virtual.stolen = 0.45
    let part = try #require(virtual.parts().first)
    #expect(part.cause == .stolen && abs(part.share - 0.5) < 1e-9)
    #expect(part.text == "The host steals 50 % of the CPU time that this VM asks for.")
    #expect(
      part.evidence == [
        "steal is 45 % of all CPU time, 0.90 of 2 CPUs (/proc/stat)",
        "run queue latency does not show it: a task counts as running while its vCPU waits",
      ])
    // Root cause of a saturation if it is that much; beside it, if it is little.
    (virtual.runnableMean, virtual.idle) = (9, [0, 0])
    #expect(virtual.parts().map(\.cause) == [.stolen, .cpuSaturated])
    virtual.stolen = 0.15
    #expect(virtual.parts().map(\.cause) == [.cpuSaturated, .stolen])
    virtual.stolen = 0.05
    #expect(virtual.parts().map(\.cause) == [.cpuSaturated])
    // One busy CPU of many.
    (virtual.runnableMean, virtual.idle) = (1, [0] + Array(repeating: 1, count: 63))
    virtual.stolen = 0.5 / 64
    #expect(virtual.parts().map(\.cause) == [.stolen])
  }
}
