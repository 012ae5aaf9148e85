public import Reports

/// A task in uninterruptible sleep, and who holds what it waits for: as the kernel side found it at a load
/// sample.
public struct LockWait: Codable, Sendable, Equatable {
  public var tid: UInt32
  public var lock: LockKind
  /// Tells locks apart.
  public var address: UInt64
  /// By its id; nil where it isn't known.
  public var holder: UInt32?
  /// Readers hold it; the holder was the last to acquire it.
  public var hasReaders: Bool
  /// Whether it is the lock of the waiting task's address space, or of the holder's.
  public var isMmapLock: Bool
  public var isHoldersMmapLock: Bool
  /// If it is known to be an mmap_lock by the process that it belongs to: the id of that.
  public var mmapOf: UInt32?

  public init(
    tid: UInt32, lock: LockKind, address: UInt64, holder: UInt32?, hasReaders: Bool = false,
    isMmapLock: Bool = false, isHoldersMmapLock: Bool = false, mmapOf: UInt32? = nil
  ) {
    self.mmapOf = mmapOf
    (self.tid, self.lock, self.address) = (tid, lock, address)
    (self.holder, self.hasReaders) = (holder, hasReaders)
    (self.isMmapLock, self.isHoldersMmapLock) = (isMmapLock, isHoldersMmapLock)
  }
}

extension LockWait {
  /// A task waits for whoever answers for a file system.
  package init(tid: UInt32, for server: FileServerName) {
    // Never that of a lock, which is in the upper half.
    var place: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(server.kind) \(server.device)".utf8 {
      place = (place ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    self.init(tid: tid, lock: server.kind, address: place >> 1, holder: server.task)
  }

  /// Whether the holder may have released it since: an rwsem keeps its last reader, a semaphore its last
  /// holder.
  package var isUncertain: Bool { hasReaders || lock == .semaphore }
}

/// A task that others wait for, as it was at a load sample.
package struct Holder {
  package var task: ActiveTask
  package var state: BlockerState

  package init(task: ActiveTask, state: BlockerState) { (self.task, self.state) = (task, state) }
}

extension LoadTracker {
  /// What a task did at `time`, up to which all records were consumed; nil where there is none.
  func holder(_ tid: UInt32, at time: UInt64) -> Holder? {
    guard TaskTable.canHold(tid), let slot = tasks.find(tid), tasks[slot].tgid != 0 else {
      return nil
    }
    let state: BlockerState
    switch tasks[slot].phase {
    case .running: state = .running
    case .waiting, .new: state = .runnable
    case .unknown: state = .unknown
    case .blocked:
      switch tasks[slot].sleep {
      case .uninterruptible: state = .uninterruptible
      case .interruptible: state = .interruptible
      case .other: state = .stopped
      }
    }
    return Holder(
      task: active(slot, state == .uninterruptible ? .uninterruptible : .runnable), state: state)
  }
}
