import CLinux
import Glibc
public import SystemPackage

/// What a watch waits for: time, signals, rings that fill, processes that end.
public struct EventLoop: ~Copyable {
  private let epoll: FileDescriptor
  private let timer: FileDescriptor
  private let signals: FileDescriptor?
  private let output: FileDescriptor?
  private let input: FileDescriptor?
  private var processes: [FileDescriptor]
  private var ready: [Int32]

  /// Why ``wait(until:)`` returned.
  public struct Wakeup: Sendable {
    /// The number of the signal that came.
    public fileprivate(set) var signal: Int32?
    /// Whether a key sent it: then all processes in the terminal's foreground have had it.
    public fileprivate(set) var isFromTerminal = false
    /// The last of those to watch has ended just now.
    public fileprivate(set) var allProcessesEnded = false
    /// Nobody reads the output any more.
    public fileprivate(set) var outputClosed = false
    /// There is something to read.
    public fileprivate(set) var hasInput = false
  }

  /// The signals no longer end the process from here on, as long as this is held. One at a time that catches any.
  ///
  /// - Parameters:
  ///   - numbers: the signals to wake up for; nil: they are left as they are.
  ///   - rings: descriptors of rings, which wake it up as they ask for that.
  ///   - output: where the watch writes to, if that is a pipe, a socket or a terminal.
  ///   - input: where keys come from.
  /// - Throws: what the kernel refuses: too many descriptors, or a ring that is none.
  public init(
    signals numbers: [Int32]?, rings: [FileDescriptor], output: FileDescriptor?,
    input: FileDescriptor? = nil
  ) throws(Errno) {
    let epoll = FileDescriptor(rawValue: try Errno.check(sonde_epoll()))
    let timer = FileDescriptor(rawValue: try Errno.check(sonde_timerfd()))
    var signals: FileDescriptor?
    if let numbers {
      signals = FileDescriptor(
        rawValue: try Errno.check(
          unsafe numbers.withUnsafeBufferPointer { buffer in
            unsafe sonde_catch_signals(buffer.baseAddress, Int32(buffer.count))
          }))
    }
    for descriptor in [timer, signals].compactMap({ $0 }) { try Self.add(descriptor, to: epoll) }
    for ring in rings { try Self.add(ring, to: epoll, SONDE_BECOMES_READABLE) }
    // A regular file can't be waited for: EPERM.
    if let output { try? Self.add(output, to: epoll, SONDE_HANGUP) }
    // What is typed in the background stays unread.
    if let input { try Self.add(input, to: epoll, SONDE_BECOMES_READABLE) }
    self.output = output
    self.input = input
    self.epoll = epoll
    self.timer = timer
    self.signals = signals
    processes = []
    ready = Array(repeating: 0, count: 8)
  }

  deinit {
    for descriptor in [epoll, timer] + processes {
      try? descriptor.close()
    }
    // And with them their descriptor.
    if signals != nil { sonde_release_signals() }
  }

  /// Also wakes up as the process, or the thread, ends.
  ///
  /// - Throws: `.noSuchProcess`; `.invalidArgument` for a single thread before Linux 6.9.
  public mutating func watch(process pid: Int32) throws(Errno) {
    let descriptor = FileDescriptor(rawValue: try Errno.check(sonde_pidfd_open(pid)))
    processes.append(descriptor)
    try Self.add(descriptor, to: epoll)
  }

  /// Also wakes up as the ring asks for it.
  public mutating func watch(ring: FileDescriptor) throws(Errno) {
    try Self.add(ring, to: epoll, SONDE_BECOMES_READABLE)
  }

  /// A ring's readiness says that it holds records, which it does for long: only the wakeup counts.
  private static func add(
    _ descriptor: FileDescriptor, to epoll: FileDescriptor,
    _ interest: sonde_interest = SONDE_READABLE
  ) throws(Errno) {
    _ = try Errno.check(sonde_epoll_add(epoll.rawValue, descriptor.rawValue, interest))
  }

  /// Sleeps until `time` (CLOCK_MONOTONIC, ns) or until something else happens.
  public mutating func wait(until time: UInt64) throws(Errno) -> Wakeup {
    _ = try Errno.check(sonde_timerfd_set(timer.rawValue, time, 0))
    var wakeup = Wakeup()
    let count = unsafe sonde_epoll_wait(epoll.rawValue, &ready, Int32(ready.count))
    if count < 0 {
      let error = Errno(rawValue: errno)
      if error == .interrupted { return wakeup }
      throw error
    }
    for descriptor in ready.prefix(Int(count)) {
      if descriptor == signals?.rawValue {
        guard let told = readSignal() else { continue }
        wakeup.signal = told & ~SONDE_SIGNAL_OF_TERMINAL
        wakeup.isFromTerminal = told & SONDE_SIGNAL_OF_TERMINAL != 0
      } else if descriptor == input?.rawValue {
        wakeup.hasInput = true
      } else if descriptor == output?.rawValue {
        wakeup.outputClosed = true
      } else if let index = processes.firstIndex(where: { $0.rawValue == descriptor }) {
        try? processes.remove(at: index).close()
        wakeup.allProcessesEnded = processes.isEmpty
      } else if descriptor == timer.rawValue {
        var expirations: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &expirations) { bytes in
          _ = unsafe try? timer.read(into: bytes)
        }
      }
    }
    return wakeup
  }

  private func readSignal() -> Int32? {
    var signal: Int32 = 0
    let count = unsafe withUnsafeMutableBytes(of: &signal) { bytes in
      unsafe (try? signals?.read(into: bytes)) ?? 0
    }
    return count == MemoryLayout<Int32>.size ? signal : nil
  }
}

extension Errno {
  /// The result of a call that tells of failure by -1.
  fileprivate static func check(_ result: Int32) throws(Errno) -> Int32 {
    guard result >= 0 else { throw Errno(rawValue: errno) }
    return result
  }
}
