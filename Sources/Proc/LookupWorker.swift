import CLinux
import Glibc
import Synchronization

/// A thread that runs one function after the other. One at a time may use it.
@safe final class LookupWorker: @unchecked Sendable {
  private enum Task {
    case none
    case run(@Sendable () -> Void)
    case finished
    /// Nobody waits for it any more; to be called as it returns.
    case abandoned(@Sendable () -> Void)
    case end
  }

  private let task = Mutex(Task.none)
  /// Posted for a new task, and as one is finished.
  private let given: UnsafeMutablePointer<sem_t>
  private let finished: UnsafeMutablePointer<sem_t>
  /// Of the thread that starts it, which a real-time priority doesn't pass on (SCHED_RESET_ON_FORK):
  /// a lookup that waits for a CPU like everyone else would be late under full load.
  private let policy: Int32
  private let parameters: sched_param

  private init() {
    unsafe given = .allocate(capacity: 1)
    unsafe finished = .allocate(capacity: 1)
    unsafe sem_init(given, 0, 0)
    unsafe sem_init(finished, 0, 0)
    policy = sched_getscheduler(0)
    var parameters = sched_param()
    unsafe sched_getparam(0, &parameters)
    self.parameters = parameters
  }

  deinit {
    unsafe sem_destroy(given)
    unsafe sem_destroy(finished)
    unsafe given.deallocate()
    unsafe finished.deallocate()
  }

  /// Nil where no thread can be had.
  static func started() -> LookupWorker? {
    let worker = LookupWorker()
    // Signals are for the thread that has asked for them.
    var (all, before) = (sigset_t(), sigset_t())
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { unsafe _ = pthread_sigmask(SIG_SETMASK, &before, nil) }
    let context = unsafe Unmanaged.passRetained(worker).toOpaque()
    var thread = pthread_t()
    let error = unsafe pthread_create(
      &thread, nil,
      { context in
        let worker = unsafe Unmanaged<LookupWorker>.fromOpaque(context!).takeRetainedValue()
        worker.run()
        return nil
      }, context)
    guard error == 0 else {
      unsafe Unmanaged<LookupWorker>.fromOpaque(context).release()
      return nil
    }
    pthread_detach(thread)
    return worker
  }

  private func run() {
    var parameters = parameters
    unsafe sched_setscheduler(0, policy, &parameters)
    while true {
      while unsafe sem_wait(given) != 0 {}
      guard case .run(let body) = task.withLock({ $0 }) else { return }
      body()
      let abandoned: (@Sendable () -> Void)? = task.withLock { task in
        if case .abandoned(let then) = task { return then }
        task = .finished
        return nil
      }
      if let abandoned { return abandoned() }
      unsafe sem_post(finished)
    }
  }

  func begin(_ body: @escaping @Sendable () -> Void) {
    task.withLock { $0 = .run(body) }
    unsafe sem_post(given)
  }

  /// Whether it is finished within so many ns.
  func wait(_ patience: UInt64) -> Bool {
    unsafe sonde_semaphore_wait(finished, patience) == 0
  }

  /// Leaves it to itself: it ends as it returns.
  ///
  /// - Returns: false where it is finished by now, and can be used again.
  func abandon(then returned: @escaping @Sendable () -> Void) -> Bool {
    let isFinished = task.withLock { task in
      if case .finished = task { return true }
      task = .abandoned(returned)
      return false
    }
    if isFinished { while unsafe sem_wait(finished) != 0 {} }
    return !isFinished
  }

  /// Ends the thread, which waits for a task.
  func end() {
    task.withLock { $0 = .end }
    unsafe sem_post(given)
  }
}
