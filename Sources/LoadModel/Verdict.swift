package import Reports

/// What a load means, by rules. Each looks at figures that the tool has, and says which.
package struct Verdict {
  package var account: [Row] = []
  package var throttled: [Throttled] = []
  package var older = 0.0
  /// For tasks that slept already.
  package var delayed = 0.0
  package var remainder = 0.0
  package var load1 = 0.0
  /// The same if the kernel counted all the time.
  package var trueLoad1 = 0.0
  /// Run queue latency, ns, and over how many seconds.
  package var p99: UInt64?
  package var latencySeconds = 0.0

  // What follows is of the last minute, as load1 is.

  /// How long that was, if the watch is younger.
  package var seconds = 60.0
  /// Throttled tasks left out.
  package var runnableMean = 0.0
  /// Throttled at any of the samples.
  package var throttledMost: UInt64 = 0
  /// Of each CPU.
  package var idle: [Double] = []
  package var pressure: PressurePart?
  package var forksPerSecond = 0.0
  /// How many CPUs those tasks had that had little to do in all their lives.
  package var shortLives = 0.0
  package var swapsPerSecond = 0.0
  package var disk: (name: String, share: Double)?
  /// Of the records.
  package var lost = 0.0

  package init() {}

  /// A group by process and site.
  package struct Row {
    package var part: AccountPart
    package var kind: WaitKind
    package var isKernelThread: Bool

    package init(part: AccountPart, kind: WaitKind, isKernelThread: Bool) {
      (self.part, self.kind, self.isKernelThread) = (part, kind, isKernelThread)
    }
  }

  /// A cgroup whose tasks had to wait for its CPU quota, and what load1 would be higher by if the kernel
  /// counted them; in how many periods of how many it was used up.
  package struct Throttled {
    var cgroup: String?
    var load1: Double
    var periods: UInt64
    var used: UInt64

    package init(cgroup: String?, load1: Double, periods: UInt64, used: UInt64) {
      (self.cgroup, self.load1) = (cgroup, load1)
      (self.periods, self.used) = (periods, used)
    }
  }

  /// Below this nothing is worth a cause.
  private static let least = 0.3

  /// The most important first.
  package func parts() -> [VerdictPart] {
    // More than there can be tasks: PID_MAX_LIMIT.
    if load1 > 4_194_304 {
      return [
        part(
          "overflow", 1, "The number is nonsense: a counter of the kernel has overflown.",
          ["load1 is \(number(load1))"],
          "Kernels 5.14 to 6.15 count uninterruptible tasks in 32 bits; the number is right again "
            + "after a reboot, or with 6.16.")
      ]
    }
    // Lost tasks seem to do what they last did, which looks like anything.
    if lost > 0.05 {
      return [
        part(
          "cannot_tell", 1, "What makes up this load can't be told: too much is lost.",
          ["\(percent(lost)) of the records of the last \(Int(seconds.rounded())) s were lost"],
          "See that loadwatch's output is read, and that it may raise its priority (CAP_SYS_NICE).")
      ]
    }
    var found = uninterruptible() + runnable() + throttling() + sampling()
    found.sort { $0.share > $1.share }
    // What goes on says more than what has been.
    if older > max(Self.least, 0.5 * load1) {
      found =
        found.prefix(2) + [
          part(
            "older", older / load1, "Most of this load is older than this watch, and fades.",
            ["\(number(older)) of load1 \(number(load1)) was there before"], nil)
        ]
    }
    if found.isEmpty, remainder > max(0.5, 0.3 * load1) {
      return [
        part(
          "cannot_tell", remainder / load1, "What makes up this load can't be told.",
          ["\(number(remainder)) of load1 \(number(load1)) is not explained"],
          "Look at what is lost or untraced, above.")
      ]
    }
    if found.allSatisfy({ $0.cause == "older" }) {
      found.append(
        part(
          "healthy", 1 - (found.first?.share ?? 0),
          "Healthy: tasks get a CPU when they want one, and hardly any waits in D.",
          ["load1 \(number(load1)) on \(cpus) CPUs"] + latency, nil))
    }
    return Array(found.prefix(3))
  }

  // MARK: - Tasks in D

  private func uninterruptible() -> [VerdictPart] {
    var byCause: [String: [Row]] = [:]
    for row in account where row.part.state == "D" { byCause[cause(row), default: []].append(row) }
    return byCause.compactMap { cause, rows in
      let sum = sum(rows)
      guard sum >= Self.least, sum >= 0.15 * (load1 - older) else { return nil }
      let (who, those) = most(rows)
      var evidence = ["\(number(sum)) of load1 \(number(load1)) is in D for this"]
      let sites = Dictionary(grouping: those) { $0.part.site ?? "" }
      if let (site, most) = sites.max(by: {
        (self.sum($0.value), $1.key) < (self.sum($1.value), $0.key)
      }),
        !site.isEmpty
      {
        evidence.append("\(self.who(most)) in \(site): \(number(self.sum(most)))")
      }
      let (text, advice) = words(cause, who)
      switch cause {
      case "disk", "journal":
        if let disk, disk.share > 0.05 {
          evidence.append("disk \(disk.name) is busy \(percent(disk.share)) of the time")
        }
        evidence += waits("I/O", pressure?.io)
      case "memory":
        evidence.append("\(number(swapsPerSecond)) pages swapped a second")
        evidence += waits("memory", pressure?.memory)
      case "no_work": evidence.append("the CPUs are idle \(percent(meanIdle))")
      default: break
      }
      return self.part(cause, sum / load1, text, evidence, advice)
    }
  }

  /// The kernel's own witness.
  private func waits(_ what: String, _ shares: PressurePart.Shares?) -> [String] {
    guard let shares, shares.some >= 0.01 else { return [] }
    return ["some task waited for \(what) \(percent(shares.some)) of the time (/proc/pressure)"]
  }

  /// Whose part is the largest, those of one name together.
  private func most(_ rows: [Row]) -> (who: String, rows: [Row]) {
    let byName = Dictionary(grouping: rows) { String(Self.name(of: $0.part.group)) }
    let those = byName.max { (sum($0.value), $1.key) < (sum($1.value), $0.key) }!.value
    return (who(those), those)
  }

  /// Rows of one name: "nginx (812)", "nginx (8 processes)".
  private func who(_ rows: [Row]) -> String {
    let groups = Set(rows.map(\.part.group))
    let group = groups.first ?? ""
    let who = groups.count > 1 ? "\(Self.name(of: group)) (\(groups.count) processes)" : group
    return who.isEmpty ? "tasks" : who
  }

  /// "nginx" of "nginx (812)".
  static func name(of group: String) -> Substring {
    group.lastIndex(of: "(").map { group[..<$0].dropLast() } ?? group[...]
  }

  private func sum(_ rows: [Row]) -> Double { rows.reduce(0) { $0 + $1.part.load1 } }

  private func cause(_ row: Row) -> String {
    switch row.kind {
    // A page that is waited for may come from swap, or have been thrown out a moment ago.
    case .disk where isShortOfMemory: WaitKind.memory.rawValue
    case .other where row.isKernelThread && meanIdle > 0.2 && disk?.share ?? 0 < 0.2: "no_work"
    case .unknown: WaitKind.other.rawValue
    default: row.kind.rawValue
    }
  }

  /// The kernel counts the time in which tasks reclaim memory, or wait for what they had a moment ago.
  private var isShortOfMemory: Bool {
    swapsPerSecond > 500 || pressure?.memory.map { $0.some >= 0.3 && $0.full >= 0.1 } ?? false
  }

  private func words(_ cause: String, _ who: String) -> (String, String?) {
    switch cause {
    case "vfork_parents":
      (
        "\(who) and others wait in vfork for their children to start another program.",
        "Look why the children take so long: what they do before execve is not the parents' load."
      )
    case "network_fs":
      (
        "\(who) waits for a file system's server, over the network or in FUSE.",
        "Look at that server and the way to it; the CPUs and disks here are not what is waited for."
      )
    case "journal":
      (
        "\(who) waits for a file system's journal or blocks.",
        "Fewer fsyncs, a faster disk for the journal, or batches of writes."
      )
    case "memory":
      (
        "\(who) waits for memory.",
        "More memory (or a higher memory.max of its cgroup), or less to run: time goes into moving "
          + "pages."
      )
    case "disk":
      (
        "\(who) waits for a disk.",
        "A faster disk, more memory to cache, or less to read and write."
      )
    case "kernel_lock":
      ("\(who) waits for a lock in the kernel.", "See who holds it: the stacks of the others.")
    case "no_work":
      (
        "This load is not work: kernel threads such as \(who) sleep in D.",
        "Nothing is slow for it. They sleep uninterruptibly, and the kernel counts that."
      )
    default: ("\(who) sleeps uninterruptibly in the kernel.", nil)
    }
  }

  // MARK: - Runnable tasks

  private func runnable() -> [VerdictPart] {
    let rows = account.filter { $0.part.state == "R" }
    let sum = sum(rows)
    guard sum >= Self.least, sum >= 0.15 * (load1 - older) else { return [] }
    let (who, those) = most(rows)
    var evidence = [
      "\(number(runnableMean)) tasks runnable in the mean of \(Int(seconds.rounded())) s, \(cpus) CPUs "
        + "idle \(percent(meanIdle))",
      "\(who): \(number(self.sum(those))) of load1 \(number(load1))",
    ]
    evidence += latency + waits("a CPU", pressure?.cpu)
    if shortLives > 0.25 * busy {
      evidence.append(
        "\(number(forksPerSecond)) new tasks a second; those that need less than 10 ms of a CPU in their "
          + "lives had \(number(shortLives)) CPUs")
      return [
        self.part(
          "process_storm", sum / load1, "Very many short tasks are started.", evidence,
          "See who starts them: cloneprof, or the parents of \(who).")
      ]
    }
    if isShortOfMemory {
      evidence += waits("memory", pressure?.memory)
      evidence.append("\(number(swapsPerSecond)) pages swapped a second")
      return [
        self.part(
          "memory", sum / load1, "The CPUs are busy making room in memory, most of all for \(who).",
          evidence, words("memory", who).1)
      ]
    }
    // How many are throttled is known at the samples only: their mean may be off by as many.
    let uncertain = meanIdle < 0.1 ? 0 : Double(throttledMost)
    guard runnableMean - busy > max(0.5, 0.05 * Double(cpus), uncertain) else { return [] }
    if meanIdle < 0.1 {
      return [
        self.part(
          "cpu_saturated", sum / load1, "The CPUs are saturated, most of all by \(who).", evidence,
          "Tasks wait for CPUs: run less, or on more of them.")
      ]
    }
    let full = idle.filter { $0 < 0.1 }.count
    guard full > 0 else {
      return [
        self.part(
          "cpu_saturated", sum / load1,
          "The CPUs are saturated at times: \(who) comes in bursts, and they idle in between.",
          evidence,
          "Spread the work over time, or run less of it at once.")
      ]
    }
    // Waiting beside idle CPUs: who waits may not use those.
    return [
      self.part(
        "one_cpu", sum / load1,
        "\(full) of \(cpus) CPUs are saturated while others idle: \(who) may not run there.",
        evidence, "Look at its affinity (taskset -p) and cpuset.")
    ]
  }

  /// Tasks that may not run, which the kernel leaves out.
  private func throttling() -> [VerdictPart] {
    let sum = throttled.reduce(0) { $0 + $1.load1 }
    guard let most = throttled.first, sum >= Self.least, sum >= 0.15 * (load1 - older) else {
      return []
    }
    var evidence = ["load1 would be higher by \(number(sum)) if the kernel counted them"]
    if most.periods > 0 {
      evidence.append(
        "it has used up its quota in \(most.used) of \(most.periods) periods (cpu.stat)")
    }
    return [
      part(
        "throttled", sum / (load1 + sum),
        "Tasks of cgroup \(most.cgroup ?? "(unknown)") wait for its CPU quota, and don't count "
          + "meanwhile.", evidence,
        "Raise the quota (cpu.max, cpu.cfs_quota_us), or run fewer threads in it.")
    ]
  }

  /// What the kernel sees every 5 s, against what is there all the time.
  private func sampling() -> [VerdictPart] {
    let gap = load1 - delayed - trueLoad1
    // What is older is in both, and throttled tasks are in the continuous count.
    guard abs(gap) > max(0.5, 0.3 * (max(load1, trueLoad1) - older)),
      gap > 0 || throttling().isEmpty
    else { return [] }
    let evidence = [
      "load1 \(number(load1)), counted all the time \(number(trueLoad1))"
    ]
    return [
      part(
        "aliasing", min(1, abs(gap) / max(load1, trueLoad1)),
        gap > 0
          ? "The kernel's samples, every 5 s, meet bursts: there is less load than it shows."
          : "The kernel's samples, every 5 s, miss bursts: there is more load than it shows.",
        evidence, "Go by the continuous count.")
    ]
  }

  // MARK: -

  private var cpus: Int { idle.count }
  private var meanIdle: Double { idle.isEmpty ? 0 : idle.reduce(0, +) / Double(idle.count) }
  /// How many CPUs tasks had.
  private var busy: Double { idle.reduce(0) { $0 + 1 - $1 } }

  private var latency: [String] {
    guard let p99 else { return [] }
    let ms = Double(p99) / 1e6
    let span = latencySeconds > seconds + 30 ? ", over \(Int(latencySeconds.rounded())) s" : ""
    return ["run queue latency p99 \(ms < 1 ? "below 1 ms" : "\(number(ms)) ms")\(span)"]
  }

  private func part(
    _ cause: String, _ share: Double, _ text: String, _ evidence: [String], _ advice: String?
  ) -> VerdictPart {
    VerdictPart(
      cause: cause, share: share.isFinite ? min(1, max(0, share)) : 1, text: text,
      evidence: evidence, advice: advice)
  }
}

private func number(_ value: Double) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
  if abs(value) >= 100 { return "\(Int(value.rounded()))" }
  let hundredths = Int((abs(value) * 100).rounded())
  let digits = hundredths % 100
  return (value < 0 && hundredths > 0 ? "-" : "") + "\(hundredths / 100)."
    + (digits < 10 ? "0" : "") + "\(digits)"
}

/// - Parameter share: 0 to 1.
private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
