import Synchronization

/// Runs what may never return on a thread beside, and gives up after a while.
///
/// Files that only name things can hang a run: `/proc/PID/maps` waits for the process's `mmap_lock`,
/// `/proc/PID/mountinfo` for `namespace_sem`, a path on a mount for a server that may be gone. A thread
/// that doesn't come back is left behind and replaced; when too many are, nothing is looked up any
/// more until one of them returns.
public final class Lookups: Sendable {
  /// This process's.
  public static let shared = Lookups()

  private struct State {
    var idle: [LookupWorker] = []
    var stuck = 0
    var leftOut: UInt64 = 0
  }

  private let state = Mutex(State())
  private let mostStuck: Int
  private let patience: UInt64

  /// - Parameters:
  ///   - mostStuck: how many threads may be left behind at a time.
  ///   - patience: how long to wait for an answer, ns.
  package init(mostStuck: Int = 4, patience: UInt64 = 200_000_000) {
    self.mostStuck = mostStuck
    self.patience = patience
  }

  deinit {
    for worker in state.withLock({ $0.idle }) { worker.end() }
  }

  /// How many lookups had no answer in time: names that a report lacks.
  public var leftOut: UInt64 { state.withLock { $0.leftOut } }

  /// What `body` returns; nil where that takes too long. It may then go on for as long as it likes.
  ///
  /// - Parameter patience: how long to wait, ns, where it differs.
  package func value<Value: Sendable>(
    within patience: UInt64? = nil, _ body: @escaping @Sendable () -> Value?
  ) -> Value? {
    guard let worker = freeWorker() else { return leaveOut() }
    let answer = Answer<Value>()
    worker.begin {
      let value = body()
      answer.value.withLock { $0 = value }
    }
    if !worker.wait(patience ?? self.patience) {
      state.withLock { $0.stuck += 1 }
      let returned = { @Sendable [self] in state.withLock { $0.stuck -= 1 } }
      if worker.abandon(then: returned) { return leaveOut() }
      returned()
    }
    state.withLock { $0.idle.append(worker) }
    return answer.value.withLock { $0 }
  }

  /// The same of a function that fails.
  ///
  /// - Parameter path: what the error is about where there is no answer in time.
  package func result<Value: Sendable>(
    of path: String, _ body: @escaping @Sendable () throws(ProcError) -> Value
  ) throws(ProcError) -> Value {
    let result = value { () -> Result<Value, ProcError>? in
      do throws(ProcError) { return .success(try body()) } catch { return .failure(error) }
    }
    guard let result else { throw ProcError(path, "timed out") }
    return try result.get()
  }

  private func leaveOut<Value>() -> Value? {
    state.withLock { $0.leftOut += 1 }
    return nil
  }

  private func freeWorker() -> LookupWorker? {
    let (worker, isFull) = state.withLock { state in
      let isFull = state.stuck >= mostStuck
      return (isFull ? nil : state.idle.popLast(), isFull)
    }
    return isFull ? nil : worker ?? LookupWorker.started()
  }

  private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
  }
}
