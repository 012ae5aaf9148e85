public import Tasks

/// Either side of a wait: the process that waits, or what it is charged to.
public struct Party: Sendable, Hashable {
  /// Unique within a run of loadwatch, never reused.
  let number: UInt32
  /// 0 for several processes of one name.
  public var pid: UInt32 = 0
  /// Its leader's; if the leader wasn't seen, that of the first thread that was.
  public var comm = Comm()
  public var isKernelThread = false
  /// Its leader's, as last seen; of several processes, what they have in common.
  var cgroup: UInt64 = 0

  init(
    number: UInt32, pid: UInt32 = 0, comm: Comm = Comm(), isKernelThread: Bool = false,
    cgroup: UInt64 = 0
  ) {
    (self.number, self.pid, self.comm) = (number, pid, comm)
    (self.isKernelThread, self.cgroup) = (isKernelThread, cgroup)
  }

  /// All processes of one's name. Others are numbered from below, and never come as far.
  init(allOf one: Party) {
    var hash: UInt32 = 0x811c_9dc5
    for byte in one.comm.text.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    self.init(
      number: 1 << 31 | (one.isKernelThread ? ~hash : hash) >> 1, comm: one.comm,
      isKernelThread: one.isKernelThread)
  }

  /// All processes of one's cgroup.
  init(cgroupOf one: Party) { self.init(number: Self.cgroupNumber, cgroup: one.cgroup) }

  /// The CPU was idle and had yet to wake up.
  public static let idle = Party(number: idleNumber)
  /// Records were lost, or it is too long ago.
  public static let unknown = Party(number: unknownNumber)
  /// The task was throttled: its cgroup had used up its CPU quota, so it couldn't run whoever had the CPU.
  public static let quota = Party(number: quotaNumber)
  /// Processes without a row of their own.
  public static let others = Party(number: 2)

  static let idleNumber: UInt32 = 0
  static let unknownNumber: UInt32 = 1
  static let quotaNumber: UInt32 = 3
  static let firstNumber: UInt32 = 16
  /// Of all cgroups, which go by their ids.
  private static let cgroupNumber = UInt32.max

  public static func == (a: Party, b: Party) -> Bool {
    a.number == b.number && (a.number != cgroupNumber || a.cgroup == b.cgroup)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(number)
    if number == Self.cgroupNumber { hasher.combine(cgroup) }
  }
}

/// Processes by number.
struct Parties {
  private var numbers: [UInt32: UInt32] = [:]
  private var numbersByName: [NameInCgroup: UInt32] = [:]
  private var known: [UInt32: Party] = [:]
  private var last = Party.firstNumber - 1
  /// The processes alive when the last interval ended, and the last number given by then.
  private var lastInterval: (alive: Set<UInt32>, last: UInt32) = ([], Party.firstNumber - 1)

  private struct NameInCgroup: Hashable {
    let comm: Comm
    let cgroup: UInt64
  }

  /// How many processes of a name have a number of their own.
  private var namesakes: [Comm: Int] = [:]

  /// Beyond so many of one name, processes are told apart by name only: when hundreds take turns, each waits for
  /// every other, and nobody reads a matrix of all of them.
  private static let mostOfOneName = 16
  /// The same of all processes; beyond so many names, they aren't told apart at all.
  private static let most = 16384
  private static let mostNames = 4096

  /// The number of a task's process.
  ///
  /// - Parameter isNew: whether the task was only just created.
  mutating func number(of task: TrackedTask, isNew: Bool) -> UInt32 {
    guard task.tgid != 0 else { return Party.unknownNumber }
    let leads = task.tid == task.tgid
    if !(isNew && leads), let number = numbers[task.tgid], let party = known[number] {
      guard leads else { return number }
      if party.pid != 0 {
        known[number]?.comm = task.comm
        known[number]?.isKernelThread = task.isKernelThread
        known[number]?.cgroup = task.cgroup
      }
      if party.pid != 0 || party.comm == task.comm { return number }
    }
    let namesakes = namesakes[task.comm] ?? 0
    guard numbers.count < Self.most, known.count < 2 * Self.most,
      namesakes < Self.mostOfOneName
    else {
      // The ID may have belonged to an earlier process. Threads, whatever their names, go with their leader.
      let number = number(byNameOf: task)
      numbers[task.tgid] = leads && numbers.count < Self.most ? number : nil
      return number
    }
    guard last < .max else { return Party.others.number }
    last += 1
    numbers[task.tgid] = last
    self.namesakes[task.comm] = namesakes + 1
    known[last] = Party(
      number: last, pid: task.tgid, comm: task.comm, isKernelThread: task.isKernelThread,
      cgroup: task.cgroup)
    return last
  }

  private mutating func number(byNameOf task: TrackedTask) -> UInt32 {
    let name = NameInCgroup(comm: task.comm, cgroup: task.cgroup)
    if let number = numbersByName[name] { return number }
    guard numbersByName.count < Self.mostNames, last < .max else { return Party.others.number }
    last += 1
    numbersByName[name] = last
    known[last] = Party(
      number: last, comm: task.comm, isKernelThread: task.isKernelThread, cgroup: task.cgroup)
    return last
  }

  /// The cgroups that there are processes of, each with one of these.
  var cgroups: [UInt64: UInt32] {
    known.values.reduce(into: [:]) { found, party in
      if party.pid != 0 { found[party.cgroup] = party.pid }
    }
  }

  /// The process of a number; unknown if it is long gone.
  func party(_ number: UInt32) -> Party {
    number < Party.firstNumber ? Party(number: number) : known[number] ?? .unknown
  }

  /// At the end of an interval, forgets the processes that were gone before it began. Those that exited during
  /// it are kept: a wait that ends in the next may reach back to them.
  mutating func prune(alive: Set<UInt32>) {
    known = known.filter { number, _ in
      alive.contains(number) || lastInterval.alive.contains(number)
        || number > lastInterval.last
    }
    lastInterval = (alive, last)
    namesakes = known.values.reduce(into: [:]) { counts, party in
      if party.pid != 0 { counts[party.comm, default: 0] += 1 }
    }
    // Who has no number of his own may be gone.
    numbers = numbers.filter { known[$0.value].map { $0.pid != 0 } ?? false }
    numbersByName = numbersByName.filter { known[$0.value] != nil }
  }
}
