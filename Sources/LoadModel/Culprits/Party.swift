public import Tasks

/// A process that waits for CPUs, or that has them while others wait.
public struct Party: Sendable, Hashable {
  /// Of a run, never given again.
  let number: UInt32
  /// 0 of several of one name.
  public var pid: UInt32 = 0
  /// Of its leader; of the first of its threads that was seen, where that one wasn't.
  public var comm = Comm()
  public var isKernelThread = false

  init(number: UInt32, pid: UInt32 = 0, comm: Comm = Comm(), isKernelThread: Bool = false) {
    (self.number, self.pid, self.comm) = (number, pid, comm)
    self.isKernelThread = isKernelThread
  }

  /// The CPU ran nobody: it was being woken up.
  public static let idle = Party(number: idleNumber)
  /// It isn't known who ran: records were lost, or it is too long ago.
  public static let unknown = Party(number: unknownNumber)
  /// Whoever ran: the task's cgroup had used up its CPU quota, and it might not run.
  public static let quota = Party(number: quotaNumber)
  /// All that are in no row of their own.
  public static let others = Party(number: 2)

  static let idleNumber: UInt32 = 0
  static let unknownNumber: UInt32 = 1
  static let quotaNumber: UInt32 = 3
  static let firstNumber: UInt32 = 16

  public static func == (a: Party, b: Party) -> Bool { a.number == b.number }
  public func hash(into hasher: inout Hasher) { hasher.combine(number) }
}

/// The processes that there are, by numbers.
struct Parties {
  private var numbers: [UInt32: UInt32] = [:]
  private var families: [Comm: UInt32] = [:]
  private var known: [UInt32: Party] = [:]
  private var last = Party.firstNumber - 1
  /// Who was there as the last interval ended, and the last number by then.
  private var before: (alive: Set<UInt32>, last: UInt32) = ([], Party.firstNumber - 1)

  /// More processes than that are told apart only by name, and more names not at all.
  private static let most = 16384
  private static let mostFamilies = 4096

  /// The number of a task's process.
  ///
  /// - Parameter isNew: whether the task was only just created.
  mutating func number(of task: TrackedTask, isNew: Bool) -> UInt32 {
    guard task.tgid != 0 else { return Party.unknownNumber }
    let leads = task.tid == task.tgid
    if !(isNew && leads), let number = numbers[task.tgid] {
      if leads { known[number]?.comm = task.comm }
      return number
    }
    guard numbers.count < Self.most else {
      // Its id may have been another process's.
      numbers[task.tgid] = nil
      return family(task)
    }
    last += 1
    numbers[task.tgid] = last
    known[last] = Party(
      number: last, pid: task.tgid, comm: task.comm, isKernelThread: task.isKernelThread)
    return last
  }

  private mutating func family(_ task: TrackedTask) -> UInt32 {
    if let number = families[task.comm] { return number }
    guard families.count < Self.mostFamilies else { return Party.others.number }
    last += 1
    families[task.comm] = last
    known[last] = Party(number: last, comm: task.comm, isKernelThread: task.isKernelThread)
    return last
  }

  /// The process of a number; unknown if it is long gone.
  func party(_ number: UInt32) -> Party {
    number < Party.firstNumber ? Party(number: number) : known[number] ?? .unknown
  }

  /// Forgets the processes that are none of `alive`, as an interval ends, and were not there in it: a wait
  /// that ends in the next may reach back into this one.
  mutating func keep(_ alive: Set<UInt32>) {
    known = known.filter { number, _ in
      alive.contains(number) || before.alive.contains(number) || number > before.last
    }
    before = (alive, last)
    numbers = numbers.filter { known[$0.value] != nil }
    families = families.filter { known[$0.value] != nil }
  }
}
