import Records
import Tasks

/// Why a task is off the CPU though it isn't runnable, by the scheduler's own rules.
package enum Sleep: UInt8 {
  /// D: counts in the load average.
  case uninterruptible
  /// S.
  case interruptible
  /// Idle kernel threads (TASK_IDLE), stopped, traced, frozen, parked: neither.
  case other

  /// From the state bits (`bpf/include/sonde_kernel.h`) as `sched_switch` gave them.
  package init(bits: UInt16) {
    if sonde_contributes_to_load(UInt32(bits)) {
      self = .uninterruptible
    } else if bits & UInt16(TASK_INTERRUPTIBLE) != 0 {
      self = .interruptible
    } else {
      self = .other
    }
  }

  /// TASK_DEAD: the task's last switch.
  package static func isDead(_ bits: UInt16) -> Bool { bits & UInt16(TASK_DEAD) != 0 }
}

/// What is known of one task.
struct TrackedTask {
  enum Phase: UInt8 {
    /// Something was lost: where the task is now isn't known.
    case unknown
    /// It was created and has not run yet.
    case new
    case running
    /// On a run queue, as far as known: preempted, or found there.
    case waiting
    /// Off the CPU and not runnable as it left; it may have been woken since.
    case blocked
  }

  var tid: UInt32
  var tgid: UInt32 = 0
  /// How often it was given a CPU, as of `arrival`.
  var pcount: UInt32 = 0
  /// Where it runs.
  var cpu: Int32 = -1
  /// What it had waited on run queues in all its life, as of `arrival`; ns.
  var runDelay: UInt64 = 0
  /// When it last was given a CPU.
  var arrival: UInt64 = 0
  /// When it was given the CPU it has, or left the one it had.
  var since: UInt64 = 0
  /// While it runs or waits: since when it has been runnable without a break.
  var runnableSince: UInt64 = 0
  /// How long it has been on CPUs since it has been followed.
  var ran: UInt64 = 0
  /// When a task scan showed where it is; 0 where events did.
  var seededAt: UInt64 = 0
  /// As of when the kernel is going to count a sleep as a wait, 0 for none: see
  /// ``LoadTracker/hasStaleStamp(_:at:)``.
  var staleStamp: UInt64 = 0
  var cgroup: UInt64 = 0
  /// Its process's number in ``Parties``.
  var party = Party.unknownNumber
  /// When it woke up from a long sleep: ``BurstLog/mark(of:)``; 0 for long ago.
  var burst: UInt32 = 0
  var comm = Comm()
  var phase = Phase.unknown
  var sleep = Sleep.other
  /// Whether `pcount` and `runDelay` are known.
  var hasBaseline = false
  /// Whether `since` is the time itself and not only a bound.
  var sinceIsExact = false
  var matches = false
  /// Whether it was migrated during its current wait: see ``LoadTracker/migrations``.
  var wasMigrated = false
  var isKernelThread = false
  /// Whether it lost its CPU when it had set its state to sleep, but hadn't slept.
  var wasGoingToSleep = false
  /// Whether it waits for the CPU that it had, unless it is migrated.
  var isPreempted = false
  /// Whether all of its life has been seen.
  var isBornHere = false
  /// While it sleeps in D: where, by the kernel side's number; negative for unknown.
  var stack: Int32 = -1
  /// The last load sample that it was counted in.
  var sample: UInt32 = 0
  /// As in D.
  var countedAsD = false
  /// Whether what came after that sample has borne it out.
  var isCertain = false
  /// The last task scan that saw it.
  var scan: UInt8 = 0

  init(tid: UInt32) {
    self.tid = tid
  }

  /// Whether what the kernel counts as a wait that ended at `time` has a sleep in it, nobody knows how
  /// much: it began at the stale stamp.
  @inline(__always)
  func isSleep(_ waited: UInt64, until time: UInt64) -> Bool {
    staleStamp != 0 && time &- waited == staleStamp
  }
}
