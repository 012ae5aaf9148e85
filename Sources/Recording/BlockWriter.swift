import CLinux
import Glibc
import Synchronization
import SystemPackage

/// A thread that writes: a disk that is full or hangs is not to hold up the run.
@safe final class BlockWriter: @unchecked Sendable {
  private struct State {
    var queue: [[UInt8]] = []
    var queued = 0
    var error: Errno?
    var written: UInt64 = 0
    /// What may be queued besides: it was in memory before.
    var allowance = 0
  }

  private let file: FileDescriptor
  private let state = Mutex(State())
  /// Posted for each piece, and for the end.
  private let given: UnsafeMutablePointer<sem_t>
  private let done: UnsafeMutablePointer<sem_t>
  /// Beyond it a disk is taken not to keep up.
  private static let mostQueued = 64 << 20

  /// - Parameter file: to write to; closed at the end.
  init(_ file: FileDescriptor) throws {
    self.file = file
    unsafe given = .allocate(capacity: 1)
    unsafe done = .allocate(capacity: 1)
    unsafe sem_init(given, 0, 0)
    unsafe sem_init(done, 0, 0)
    try start()
  }

  deinit {
    unsafe sem_destroy(given)
    unsafe sem_destroy(done)
    unsafe given.deallocate()
    unsafe done.deallocate()
  }

  private func start() throws {
    // Signals are for the thread that has asked for them.
    var (all, before) = (sigset_t(), sigset_t())
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { unsafe _ = pthread_sigmask(SIG_SETMASK, &before, nil) }
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    let error = unsafe pthread_create(
      &thread, nil,
      { context in
        unsafe Unmanaged<BlockWriter>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, context)
    guard error == 0 else {
      unsafe Unmanaged<BlockWriter>.fromOpaque(context).release()
      throw Errno(rawValue: error)
    }
    pthread_detach(thread)
  }

  private func run() {
    while true {
      while unsafe sem_wait(given) != 0 {}
      let piece: [UInt8]? = state.withLock { state in
        state.queue.isEmpty ? nil : state.queue.removeFirst()
      }
      guard let piece else { break }
      if state.withLock({ $0.error }) == nil {
        do {
          try file.writeAll(piece)
          state.withLock { $0.written += UInt64(piece.count) }
        } catch {
          state.withLock { $0.error = error as? Errno ?? .ioError }
        }
      }
      state.withLock { $0.queued -= piece.count }
    }
    try? file.close()
    unsafe sem_post(done)
  }

  /// Queues a piece.
  /// - Returns: why nothing is written any more; nil where all is well.
  func write(_ piece: [UInt8]) -> Errno? {
    let error: Errno? = state.withLock { state in
      if state.error == nil, state.queued > Self.mostQueued + state.allowance {
        state.error = .timedOut
      }
      guard state.error == nil else { return state.error }
      state.queue.append(piece)
      state.queued += piece.count
      return nil
    }
    if error == nil { unsafe sem_post(given) }
    return error
  }

  /// Bytes that wait to be written.
  var queued: Int { state.withLock { $0.queued } }

  /// So many bytes come at once.
  func allow(_ bytes: Int) { state.withLock { $0.allowance = bytes } }

  /// Bytes that are in the file or on their way to it.
  var size: UInt64 { state.withLock { $0.written + UInt64($0.queued) } }

  /// Nothing more comes: waits until all is written.
  ///
  /// - Parameter patience: how long at most, ns.
  /// - Returns: why not all is written.
  func finish(patience: UInt64) -> Errno? {
    unsafe sem_post(given)
    guard unsafe sonde_semaphore_wait(done, patience) == 0 else { return .timedOut }
    return state.withLock { $0.error }
  }
}
