public import BPF
import CLinux
import Glibc
public import LoadModel
import Records

/// The kernel side of `loadwatch`, running: one record per context switch into this CPU's ring.
///
/// Attached from `init` until it goes.
public struct SchedProbes: ~Copyable {
  private let programs: [Program]
  private let links: [4 of Link]
  private let iterator: TaskIterator
  private let waiters: TaskIterator
  private let stacks: Map
  private let window: Map
  private let accounts: MappedValues<sonde_cpu>
  private let liveMap: Map
  private let live: MappedValues<sonde_live>
  private let ringSize: Int
  /// The rings, for draining into a closure.
  public var rings: RingBuffers
  /// Whether this process sees every task: it is in the machine's own PID namespace.
  public private(set) var seesAllTasks = false

  static let programNames = ["sched_switch", "task_newtask", "task_rename", "sched_process_exec"]

  /// Loads and attaches the programs.
  ///
  /// - Parameters:
  ///   - possibleCPUs: how many CPUs the kernel can have.
  ///   - cpus: those to give a ring now.
  ///   - ringSize: bytes per ring; nil for one that suits the number of CPUs.
  public init(possibleCPUs: Int, cpus: [Int], ringSize: Int? = nil) throws(BPFError) {
    let size = ringSize ?? Self.ringSize(cpus: cpus.count)
    let file = try OpenObject(BPFObjects.sched)
    try file.setMaxEntries("rings", possibleCPUs)
    try file.setMaxEntries("cpus", possibleCPUs)
    // A wakeup for every quarter of a ring; a switch takes 8 bytes more in the ring than its record.
    let records = size / 4 / (MemoryLayout<sonde_switch>.size + 8)
    try file.set(
      ".rodata.config",
      to: sonde_config(wakeup_records: UInt32(records), cpus: UInt32(possibleCPUs)))
    let object = try file.load()

    var rings = RingBuffers(try object.map("rings"))
    try rings.add(cpus: cpus, size: size)
    let programs = try Self.programNames.map { name throws(BPFError) in try object.program(name) }
    let accounts = try MappedValues(try object.map("cpus"), as: sonde_cpu.self)
    let liveMap = try object.map(".data.live")
    let live = try MappedValues(liveMap, as: sonde_live.self)
    let iterator = try TaskIterator(
      try object.program("tasks"), recordSize: MemoryLayout<sonde_task>.size)
    let waiters = try TaskIterator(
      try object.program("waiters"), recordSize: MemoryLayout<sonde_waiter>.size)
    let stacks = try object.map("stacks")
    let window = try object.map(".data.window")
    let links: [4 of Link] = [
      try programs[0].attach(), try programs[1].attach(), try programs[2].attach(),
      try programs[3].attach(),
    ]
    self.programs = programs
    self.accounts = accounts
    self.liveMap = liveMap
    self.live = live
    self.iterator = iterator
    self.waiters = waiters
    self.stacks = stacks
    self.window = window
    self.links = links
    self.rings = rings
    self.ringSize = size
  }

  /// 4 MiB hold 100,000 switches of a CPU; many CPUs share 256 MiB.
  static func ringSize(cpus: Int) -> Int {
    var size = 4 << 20
    while size > 512 << 10, size * cpus > 256 << 20 { size /= 2 }
    return size
  }

  /// Kernel memory of the rings, bytes.
  public var ringBytes: Int { rings.cpus.count * ringSize }

  /// Gives a CPU that has come a ring.
  public mutating func addRing(cpu: Int) throws(BPFError) {
    try rings.add(cpus: [cpu], size: ringSize)
  }

  /// No record is written from here on; what is in the rings stays.
  ///
  /// The programs stay attached until this goes: detaching waits for all CPUs
  /// (`synchronize_rcu()`), under full load for seconds.
  public func stop() throws(BPFError) {
    var last = live[0]
    last.stopped = 1
    try liveMap.set(UInt32(0), to: last)
  }

  // MARK: - Clock

  /// What to add to CLOCK_MONOTONIC for the run queue clock, ns; nil until known.
  ///
  /// The kernel side notes one instant on both clocks whenever this thread is given a CPU.
  public var clockOffset: UInt64? {
    var pair = live[0]
    // A switch may come between the two reads of a pair; not between all of several.
    while true {
      let again = live[0]
      if again.monotonic == pair.monotonic, again.run_queue_clock == pair.run_queue_clock { break }
      pair = again
    }
    return pair.monotonic == 0 ? nil : pair.run_queue_clock &- pair.monotonic
  }

  /// Lets the kernel side know this thread and waits until it has noted the clocks.
  public mutating func synchronizeClocks() throws(BPFError) {
    try iterator.forEach { _ in }
    seesAllTasks = live[0].consumer_tid == UInt32(sonde_gettid())
    for _ in 0..<1000 {
      if clockOffset != nil { return }
      // To be given a CPU, one has to leave it.
      usleep(1000)
    }
    throw BPFError(
      .failed, "see this program's own context switches",
      cause: "sched_switch has told of none for a second")
  }

  /// The kernel's count of ticks at an instant of CLOCK_MONOTONIC, both as this thread was last given
  /// a CPU; nil until that has been seen.
  public var ticks: (monotonic: UInt64, jiffies: UInt64)? {
    let now = live[0]
    return now.monotonic == 0 ? nil : (now.monotonic, now.jiffies)
  }

  /// calc_load_tasks and avenrun, as this thread was last given a CPU; nil where the kernel has no
  /// symbols for data, or they may not be seen.
  public var kernelLoad: (active: Int64, averages: KernelLoad)? {
    let now = live[0]
    guard now.has_averages != 0 else { return nil }
    let all = [now.averages.0, now.averages.1, now.averages.2]
    return (Int64(bitPattern: now.active), KernelLoad([3 of UInt64] { all[$0] }))
  }

  /// How many tasks slept and were still queued right after a load sample, and so are in it: since 6.12
  /// a task may sleep before it leaves its run queue. Nil where the kernel doesn't tell, or where this
  /// thread was given a CPU too late.
  ///
  /// - Parameter sample: that was announced, CLOCK_MONOTONIC, ns.
  func delayed(at sample: UInt64) -> UInt64? {
    let now = live[0]
    guard now.delayed_at >= sample, now.delayed_at < sample + 1_000_000 else { return nil }
    return UInt64(max(0, now.delayed))
  }

  // MARK: - Tasks

  /// The kernel functions on a stack, innermost first, by addresses; empty where it isn't known.
  func frames(ofStack id: Int32) -> [UInt64] {
    guard id >= 0,
      let frames = try? stacks.value(UInt32(id), as: [24 of UInt64].self) ?? nil
    else { return [] }
    return frames.indices.map { frames[$0] }.filter { $0 != 0 }
  }

  /// Lets the kernel side tell where tasks go to sleep in D, for a while on the run queue clock.
  ///
  /// - Parameter sample: the load sample that comes next, CLOCK_MONOTONIC, ns; 0 for none.
  func tellWaits(from: UInt64, to: UInt64, sample: UInt64) throws(BPFError) {
    try window.set(
      UInt32(0), to: sonde_window(from: from, to: to, iterates: 0, sample: sample))
  }

  /// Lends those tasks that are throttled: runnable, in a cgroup that has used up its CPU time, and in no
  /// count of runnable tasks; and every task that sleeps in D, with where it does.
  ///
  /// - Parameter inD: whether to lend those in D, whose stacks take time.
  func forEachWaiter(
    inD: Bool, _ body: (UInt32, _ isThrottled: Bool, [UInt64]) -> Void
  ) throws(BPFError) {
    var told = try window.value(UInt32(0), as: sonde_window.self) ?? sonde_window()
    told.iterates = inD ? 1 : 0
    try window.set(UInt32(0), to: told)
    let offset = MemoryLayout<sonde_waiter>.offset(of: \.frames)!
    try waiters.forEach { record in
      let waiter = unsafe record.unsafeLoad(as: sonde_waiter.self)
      let count = min(Int(waiter.length) / 8, Int(SONDE_WAIT_FRAMES))
      body(
        waiter.tid, waiter.is_throttled != 0,
        (0..<count).map {
          unsafe record.unsafeLoad(fromByteOffset: offset + 8 * $0, as: UInt64.self)
        })
    }
  }

  /// Passes every task there is to the tracker.
  /// - Parameters:
  ///   - boundary: up to when the rings were drained, run queue clock.
  ///   - cgroups: the cgroups that match from now on, where the filter has any.
  public func survey(
    _ tracker: inout LoadTracker, boundary: UInt64, cgroups: Set<UInt64>? = nil
  ) throws(BPFError) {
    let offset = clockOffset ?? 0
    tracker.beginSurvey(cgroups: cgroups)
    try iterator.forEach { record in
      tracker.found(record, clockOffset: offset, boundary: boundary)
    }
    if seesAllTasks { tracker.endSurvey() }
  }

  /// Passes every task there is to the tracker, besides the surveys by which tasks are forgotten.
  func look(_ tracker: inout LoadTracker, boundary: UInt64) throws(BPFError) {
    let offset = clockOffset ?? 0
    try iterator.forEach { record in
      tracker.found(record, clockOffset: offset, boundary: boundary)
    }
  }

  // MARK: - Accounts

  /// What the kernel side counted since it was attached.
  public struct Account: Sendable, Equatable {
    /// Records that were to be delivered.
    public var seen: UInt64 = 0
    public var ringFull: UInt64 = 0
    public var noRing: UInt64 = 0
    /// Runs left out by the kernel since the program was running already.
    public var recursion: UInt64 = 0
    /// Switches that never reached the program, those of `recursion` not included.
    public var untraced: UInt64 = 0
    /// The switch program's own time and runs while they were measured, ns.
    public var runTime: UInt64 = 0
    public var runs: UInt64 = 0

    /// Records that there should have been.
    var due: UInt64 { seen + recursion }
    var lost: UInt64 { ringFull + noRing + recursion }
  }

  /// Takes a reading of what the rings have taken and what they had no room for.
  public func note(_ ledger: inout LossLedger) {
    var noRing: UInt64 = 0
    for index in 0..<accounts.count {
      let cpu = accounts[index]
      noRing += cpu.no_ring
      let gone = cpu.ring_full + cpu.no_ring
      ledger.note(
        cpu: index, placed: cpu.seen - min(cpu.seen, gone), ringFull: cpu.ring_full)
    }
    ledger.note(noRing: noRing)
  }

  public func account() throws(BPFError) -> Account {
    var account = Account()
    for index in 0..<accounts.count {
      let cpu = accounts[index]
      account.seen += cpu.seen
      account.ringFull += cpu.ring_full
      account.noRing += cpu.no_ring
      account.untraced += cpu.untraced
    }
    for (index, program) in programs.enumerated() {
      let statistics = try program.statistics()
      account.recursion += statistics.recursionMisses
      if index == 0 {
        account.untraced -= min(account.untraced, statistics.recursionMisses)
        account.runTime = statistics.runTime
        account.runs = statistics.runs
      }
    }
    return account
  }
}
