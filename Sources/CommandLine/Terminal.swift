import CLinux
import Glibc
public import SystemPackage

/// Standard output and error, as they are.
public enum Terminal {
  public static func isTerminal(_ descriptor: FileDescriptor) -> Bool {
    isatty(descriptor.rawValue) == 1
  }

  /// Whether the terminal knows more than text: TERM is neither "dumb" nor missing.
  public static var understandsEscapes: Bool {
    let name = variable("TERM")
    return name != nil && name != "dumb"
  }

  /// See no-color.org: NO_COLOR is there and not empty.
  public static var colorIsUnwanted: Bool { variable("NO_COLOR") != nil }

  /// How wide a terminal is. Where it is none or, as a serial one, doesn't say: COLUMNS in the
  /// environment (POSIX, Base Definitions 8.3), or what is usual.
  public static func columns(of descriptor: FileDescriptor) -> Int {
    size(of: descriptor)?.columns ?? number("COLUMNS") ?? 80
  }

  /// How high a terminal is, or what is usual.
  public static func rows(of descriptor: FileDescriptor) -> Int { size(of: descriptor)?.rows ?? 24 }

  /// How many lines the user wants a report to fit, by LINES in the environment (POSIX, Base
  /// Definitions 8.3), which shells don't export by themselves.
  public static var rowsWanted: Int? { number("LINES") }

  private static func number(_ variable: String) -> Int? {
    Self.variable(variable).flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
  }

  private static func size(of descriptor: FileDescriptor) -> (columns: Int, rows: Int)? {
    var columns: Int32 = 0
    var rows: Int32 = 0
    guard unsafe sonde_terminal_size(descriptor.rawValue, &columns, &rows) == 0, columns > 0,
      rows > 0
    else { return nil }
    return (Int(columns), Int(rows))
  }

  static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }

  /// Text as UTF-8, as bytes below.
  public static func write(
    _ text: String, to descriptor: FileDescriptor, end: UInt64 = .max
  ) throws(Errno) {
    try write(Array(text.utf8), to: descriptor, end: end)
  }

  /// Writes all of it, also where that takes several calls or has to wait.
  ///
  /// - Parameter end: when the run is to end at the latest, CLOCK_MONOTONIC, ns. From then on, and
  ///   from a signal on that ends it, nothing is waited for that takes no byte for long.
  /// - Throws: `.timedOut` where that is so, or what write(2) fails with.
  public static func write(
    _ bytes: [UInt8], to descriptor: FileDescriptor, end: UInt64 = .max
  ) throws(Errno) {
    // So much a pipe takes without blocking, as soon as it takes any (PIPE_BUF).
    let most = sonde_write_may_block(descriptor.rawValue) ? 4096 : Int.max
    var rest = bytes[...]
    // A reader that is only slow finds the last figures of a run that catches up long after its end.
    var progress = monotonic()
    while !rest.isEmpty {
      try wait(for: descriptor, end: end, progress: progress)
      let count = unsafe rest.prefix(most).withUnsafeBytes { bytes in
        unsafe sonde_write_now(descriptor.rawValue, bytes.baseAddress, bytes.count)
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
        progress = monotonic()
      } else if errno != EINTR, errno != EAGAIN {
        throw Errno(rawValue: errno)
      }
    }
  }

  /// How long a reader may take none of the last figures once a signal asks for the end, ns.
  static let patience: UInt64 = 500_000_000
  /// And where the time is over: on a machine that is as busy as those that this tool is for, a reader
  /// may wait for a CPU for long, and who doesn't want to wait has signals.
  private static let patienceWithoutSignal: UInt64 = 30_000_000_000

  /// Waits until something can be written, or an error be had.
  ///
  /// - Parameter progress: when the last was written, or it was begun to.
  private static func wait(
    for descriptor: FileDescriptor, end: UInt64, progress: UInt64
  ) throws(Errno) {
    while true {
      let left = Self.left(
        end: end, progress: progress,
        patience: sonde_end_requested_at() == 0 ? patienceWithoutSignal : patience)
      if sonde_wait_writable(descriptor.rawValue, milliseconds(left)) { return }
      if left == 0 { throw .timedOut }
    }
  }

  /// How long to wait still, ns; `UInt64.max` for as long as it takes.
  static func left(
    end: UInt64, progress: UInt64 = 0, patience: UInt64 = patience
  ) -> UInt64 {
    let requested = sonde_end_requested_at()
    let end = min(end, requested == 0 ? .max : requested)
    guard end < .max - patience else { return .max }
    let last = max(end, progress) + patience
    let now = monotonic()
    return last > now ? last - now : 0
  }

  /// As poll(2) has it, rounded up.
  static func milliseconds(_ ns: UInt64) -> Int32 {
    ns == .max ? -1 : Int32(min(ns / 1_000_000 + (ns == 0 ? 0 : 1), 1 << 30))
  }

  static func monotonic() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
