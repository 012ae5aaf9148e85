public import BPF
import CLinux
import Glibc
public import LoadModel
import Records
import Reports
import Symbols
public import SystemPackage

/// The kernel side of `loadwatch`, running: one record per context switch into this CPU's ring.
///
/// Attached from `init` until it goes.
public struct SchedProbes: ~Copyable {
  private let programs: [Program]
  private let links: [5 of Link]
  private let lockBegin: Program
  private let lockEnd: Program
  private var lockProbes: LockProbes?
  private let loadSamples: LoadSampleProbe
  private let iterator: TaskIterator
  private let heldUpTasks: TaskIterator
  private let waiters: TaskIterator
  private let stacks: Map
  private let accounts: MappedValues<sonde_cpu>
  private let control: Map
  private let status: MappedValues<sonde_status>
  private let ringSize: Int
  /// The rings, for draining into a closure.
  public var rings: RingBuffers
  /// How lock holders are found; nil if they cannot be.
  var lockSource: String? {
    let sources = [
      status[0].has_blockers != 0 ? "iter/task" : nil,
      lockProbes == nil ? nil : "raw_tp/contention_begin",
    ].compactMap { $0 }
    return sources.isEmpty ? nil : sources.joined(separator: ", ")
  }

  /// Whether this process sees every task: it is in the machine's own PID namespace.
  public private(set) var seesAllTasks = false

  static let programNames = [
    "sched_switch", "task_newtask", "task_rename", "sched_process_exec", "sched_migrate_task",
  ]

  /// Loads and attaches the programs.
  ///
  /// - Parameters:
  ///   - possibleCPUs: how many CPUs the kernel can have.
  ///   - cpus: those to give a ring now.
  ///   - ringSize: bytes per ring; nil for one that suits the number of CPUs.
  public init(possibleCPUs: Int, cpus: [Int], ringSize: Int? = nil) throws(BPFError) {
    let size = ringSize ?? Self.ringSize(cpus: cpus.count)
    let looksUp = KernelFeatures.symbolLookup
    let object = try Self.load(
      possibleCPUs: possibleCPUs, ringSize: size, looksUpSymbols: looksUp)
    let symbols = try Self.findSymbols(object, looksUp: looksUp)

    var rings = RingBuffers(try object.map("rings"))
    try rings.add(cpus: cpus, size: size)
    let programs = try Self.programNames.map { name throws(BPFError) in try object.program(name) }
    let accounts = try MappedValues(try object.map("cpus"), as: sonde_cpu.self)
    let control = try object.map(".data.control")
    let status = try MappedValues(try object.map(".data.status"), as: sonde_status.self)
    let iterator = try TaskIterator(
      try object.program("tasks"), recordSize: MemoryLayout<sonde_task>.size)
    let heldUpTasks = try TaskIterator(
      try object.program("held_up"), recordSize: MemoryLayout<sonde_held_up>.size)
    let waiters = try TaskIterator(
      try object.program("waiters"), recordSize: MemoryLayout<sonde_waiter>.size)
    let lockBegin = try object.program("contention_begin")
    let lockEnd = try object.program("contention_end")
    let stacks = try object.map("stacks")
    let links: [5 of Link] = [
      try programs[0].attach(), try programs[1].attach(), try programs[2].attach(),
      try programs[3].attach(), try programs[4].attach(),
    ]
    loadSamples = LoadSampleProbe(object, symbols)
    self.programs = programs
    self.accounts = accounts
    self.control = control
    self.status = status
    self.iterator = iterator
    self.heldUpTasks = heldUpTasks
    self.waiters = waiters
    self.stacks = stacks
    self.lockBegin = lockBegin
    self.lockEnd = lockEnd
    self.links = links
    self.rings = rings
    self.ringSize = size
  }

  private static func load(
    possibleCPUs: Int, ringSize: Int, looksUpSymbols: Bool
  ) throws(BPFError) -> Object {
    func load(seesExits: Bool) throws(BPFError) -> Object {
      let file = try OpenObject(BPFObjects.sched)
      try file.setMaxEntries("rings", possibleCPUs)
      try file.setMaxEntries("cpus", possibleCPUs)
      // A wakeup for every quarter of a ring; a switch takes 8 bytes more in the ring than its record.
      let records = ringSize / 4 / (MemoryLayout<sonde_switch>.size + 8)
      try file.set(
        ".rodata.config",
        to: sonde_config(wakeup_records: UInt32(records), cpus: UInt32(possibleCPUs)))
      try file.setLoads("find_symbols", looksUpSymbols)
      try file.setLoads(LoadSampleProbe.atExit, seesExits)
      return try file.load()
    }
    do {
      return try load(seesExits: true)
    } catch {
      // Where the function isn't in the kernel's BTF, none of the programs is loaded. Checking BTF first
      // would take longer.
      guard let object = try? load(seesExits: false) else { throw error }
      return object
    }
  }

  /// How the kernel's load samples are seen.
  var loadSampleSource: ProbePart { loadSamples.part }

  static let loadSymbols = ["calc_load_tasks", "avenrun", "calc_load_update"]

  /// Lets the kernel side know where the load average is. Without, or where it is hidden, this is read
  /// from `/proc/loadavg`.
  ///
  /// - Returns: what it knows.
  private static func findSymbols(
    _ object: borrowing Object, looksUp: Bool
  ) throws(BPFError) -> sonde_symbols {
    let symbols = try object.map(".data.symbols")
    if looksUp {
      try object.program("find_symbols").run()
    } else if let found = try? KernelSymbols.addresses(of: loadSymbols) {
      try symbols.set(UInt32(0), to: sonde_symbols(found))
    }
    return try symbols.value(UInt32(0), as: sonde_symbols.self) ?? sonde_symbols()
  }

  /// 4 MiB hold 100,000 switches of a CPU; many CPUs share 256 MiB.
  static func ringSize(cpus: Int) -> Int {
    var size = 4 << 20
    while size > 512 << 10, size * cpus > 256 << 20 { size /= 2 }
    return size
  }

  /// Kernel memory of the rings, bytes.
  public var ringBytes: Int { rings.cpus.count * ringSize }

  /// Gives a ring to those of the CPUs that have come; the new rings' descriptors.
  public mutating func addRings(missingOf cpus: [Int]) -> [FileDescriptor] {
    rings.add(missingOf: cpus, size: ringSize)
  }

  /// No record is written from here on; what is in the rings stays.
  ///
  /// The programs stay attached until this goes: detaching waits for all CPUs
  /// (`synchronize_rcu()`), under full load for seconds.
  public func stop() throws(BPFError) {
    try setControl { $0.stopped = 1 }
  }

  private func setControl(_ change: (inout sonde_control) -> Void) throws(BPFError) {
    var now = try control.value(UInt32(0), as: sonde_control.self) ?? sonde_control()
    change(&now)
    try control.set(UInt32(0), to: now)
  }

  // MARK: - Clock

  /// What to add to CLOCK_MONOTONIC for the run queue clock, ns; nil until known.
  ///
  /// The kernel side notes one instant on both clocks whenever this thread is given a CPU.
  public var clockOffset: UInt64? {
    var pair = status[0]
    // A switch may come between the two reads of a pair; not between all of several.
    while true {
      let again = status[0]
      if again.monotonic == pair.monotonic, again.run_queue_clock == pair.run_queue_clock { break }
      pair = again
    }
    return pair.monotonic == 0 ? nil : pair.run_queue_clock &- pair.monotonic
  }

  /// Lets the kernel side know this thread and waits until it has noted the clocks.
  public mutating func synchronizeClocks() throws(BPFError) {
    try iterator.forEach { _ in }
    lockProbes = LockProbes(begin: lockBegin, end: lockEnd)
    seesAllTasks = status[0].consumer_tid == UInt32(sonde_gettid())
    for _ in 0..<1000 {
      if clockOffset != nil { return }
      // To be given a CPU, one has to leave it.
      usleep(1000)
    }
    throw BPFError(
      .failed, "trace this program's own context switches",
      cause: "no sched_switch event for 1 s")
  }

  /// The kernel's count of ticks at an instant of CLOCK_MONOTONIC, both as this thread was last given
  /// a CPU; nil until that has been seen.
  public var ticks: (monotonic: UInt64, jiffies: UInt64)? {
    let now = status[0]
    return now.monotonic == 0 ? nil : (now.monotonic, now.jiffies)
  }

  /// calc_load_tasks and avenrun, as this thread was last given a CPU; nil where the kernel has no
  /// symbols for data, or they may not be seen.
  var exactLoad: LoadReading.Exact? {
    let now = status[0]
    guard now.has_averages != 0 else { return nil }
    let all = [now.averages.0, now.averages.1, now.averages.2]
    return LoadReading.Exact(
      active: Int64(bitPattern: now.active), averages: KernelLoad([3 of UInt64] { all[$0] }))
  }

  /// How many tasks slept and were still queued right after a load sample, and so are in it: since 6.12
  /// a task may sleep before it leaves its run queue. Nil where the kernel doesn't tell, or where this
  /// thread was given a CPU too late.
  ///
  /// - Parameter sample: that was announced, CLOCK_MONOTONIC, ns.
  func delayed(at sample: UInt64) -> UInt64? {
    let now = status[0]
    guard max(now.delayed_at, sample) - min(now.delayed_at, sample) < 1_000_000 else { return nil }
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
  func reportWaits(from: UInt64, to: UInt64, sample: UInt64) throws(BPFError) {
    try setControl { ($0.stacks_from, $0.stacks_to, $0.sample) = (from, to, sample) }
  }

  /// Who is held up, and by whom: tasks that are throttled (runnable, in a cgroup that has used up its CPU
  /// time, and in no count of runnable tasks), and those in D that wait for what another one has.
  func heldUp() throws(BPFError) -> (throttled: Set<UInt32>, waits: [LockWait]) {
    var found: (throttled: Set<UInt32>, waits: [LockWait]) = ([], [])
    try heldUpTasks.forEach { record in
      let task = unsafe record.unsafeLoad(as: sonde_held_up.self)
      if let wait = LockWait(task) {
        found.waits.append(wait)
      } else {
        found.throttled.insert(task.tid)
      }
    }
    return found
  }

  /// Who sleeps in D, and where: the frames of the stack, innermost first. That takes time.
  func uninterruptibleTasks() throws(BPFError) -> [(UInt32, [UInt64])] {
    let offset = MemoryLayout<sonde_waiter>.offset(of: \.frames)!
    var tasks: [(UInt32, [UInt64])] = []
    try waiters.forEach { record in
      let waiter = unsafe record.unsafeLoad(as: sonde_waiter.self)
      let count = min(Int(waiter.length) / 8, Int(SONDE_WAIT_FRAMES))
      tasks.append(
        (
          waiter.tid,
          (0..<count).map {
            unsafe record.unsafeLoad(fromByteOffset: offset + 8 * $0, as: UInt64.self)
          }
        ))
    }
    return tasks
  }

  /// Lends a record of every task there is, `sonde_task`.
  public func forEachTask(_ body: (RawSpan) -> Void) throws(BPFError) {
    try iterator.forEach(body)
  }

  // MARK: - Counters

  /// Of each CPU, what its ring has taken and what was lost.
  public func ringReadings() -> [RingReading] {
    (0..<accounts.count).map { index in
      let cpu = accounts[index]
      let gone = cpu.ring_full + cpu.no_ring
      return RingReading(
        placed: cpu.records - min(cpu.records, gone), ringFull: cpu.ring_full, noRing: cpu.no_ring)
    }
  }

  /// What the kernel side counted since it was attached; what was delivered is the consumer's to add.
  public func counters() throws(BPFError) -> LoadCounters {
    var counters = LoadCounters()
    for index in 0..<accounts.count {
      let cpu = accounts[index]
      counters.records += cpu.records
      counters.ringFull += cpu.ring_full
      counters.noRing += cpu.no_ring
      counters.untraced += cpu.untraced
    }
    for (index, program) in programs.enumerated() {
      let statistics = try program.statistics()
      counters.recursion += statistics.recursionMisses
      if index == 0 {
        counters.untraced -= min(counters.untraced, statistics.recursionMisses)
        counters.runTime = statistics.runTime
        counters.runs = statistics.runs
      }
    }
    return counters
  }
}

extension sonde_symbols {
  init(_ addresses: [String: UInt64]) {
    self.init(
      calc_load_tasks: addresses["calc_load_tasks"] ?? 0, avenrun: addresses["avenrun"] ?? 0,
      calc_load_update: addresses["calc_load_update"] ?? 0)
  }
}

/// What tasks wait for, by the tracepoints of contended locks (Linux 5.19).
private struct LockProbes: ~Copyable {
  private let begin: Link
  private let end: Link

  /// Nil where the kernel has no such tracepoints.
  init?(begin: Program, end: Program) {
    // The end first: whoever begins then is seen to end.
    guard let last = try? end.attach(), let first = try? begin.attach() else { return nil }
    self.begin = first
    self.end = last
  }
}

extension LockWait {
  /// Nil where it waits for nothing that another one has.
  fileprivate init?(_ waiter: sonde_held_up) {
    let lock: LockKind
    switch sonde_lock_kind(rawValue: waiter.lock_kind) {
    case SONDE_LOCK_MUTEX: lock = .mutex
    case SONDE_LOCK_SEMAPHORE: lock = .semaphore
    case SONDE_LOCK_RWSEM_READ: lock = .rwsemRead
    case SONDE_LOCK_RWSEM_WRITE: lock = .rwsemWrite
    case SONDE_LOCK_VFORK: lock = .vfork
    default: return nil
    }
    func has(_ flag: sonde_lock_flags) -> Bool { waiter.lock_flags & flag.rawValue != 0 }
    // It was the last reader to acquire the lock, and has released it.
    let isOwnName = waiter.holder == waiter.tid && has(SONDE_LOCK_HAS_READERS)
    self.init(
      tid: waiter.tid, lock: lock, address: waiter.lock,
      holder: waiter.holder == 0 || isOwnName ? nil : waiter.holder,
      hasReaders: has(SONDE_LOCK_HAS_READERS), isMmapLock: has(SONDE_LOCK_IS_MMAP_LOCK),
      isHoldersMmapLock: has(SONDE_LOCK_IS_HOLDERS_MMAP_LOCK),
      mmapOf: waiter.mmap_of == 0 ? nil : waiter.mmap_of)
  }
}
