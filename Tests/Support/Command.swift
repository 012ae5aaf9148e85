import CSupport
public import Foundation
import Glibc

/// A program as a user runs it: with arguments, an environment, a terminal or pipes.
///
/// Its output is read only while ``wait(seconds:)`` or ``read(seconds:until:)`` runs: until then a
/// pipe fills as one does that nobody reads. Killed with this object.
public final class Command {
  /// Where standard output leads.
  public enum Output {
    case pipe
    /// A terminal of that size, which is also standard input and the controlling one.
    case terminal(columns: UInt16, rows: UInt16)
    case file(String)
    case closed
  }

  /// How it ended, and all that it said.
  public struct Ended: Sendable {
    /// Nil where a signal ended it.
    public let status: Int32?
    public let signal: Int32?
    public let bytes: Data
    public let errors: String
    public var output: String { String(decoding: bytes, as: UTF8.self) }
  }

  public let pid: Int32
  private var output: Int32
  private var errors: Int32
  private var outputBytes = Data()
  private var errorBytes = Data()
  private var waitStatus: Int32?

  /// Starts it.
  ///
  /// - Parameters:
  ///   - program: a path, or a name to look up in PATH.
  ///   - environment: what to change in this process's own; nil removes.
  ///   - errorsClosed: whether it is started without a standard error.
  ///   - ignored: a signal that it ignores from the start, as under `nohup`.
  public init(
    _ program: String, _ arguments: [String], environment: [String: String?] = [:],
    to destination: Output = .pipe, errorsClosed: Bool = false, ignoring ignored: Int32 = 0
  ) throws {
    // The child's ends, closed here once it has them.
    var handedOver: [Int32] = []
    defer { for descriptor in handedOver { close(descriptor) } }
    var (output, errors): (Int32, Int32) = (-1, -1)
    var inner: [Int32] = [open("/dev/null", O_RDONLY | O_CLOEXEC), -1, -1]
    handedOver.append(inner[0])
    var isOnTerminal = false
    if !errorsClosed {
      (errors, inner[2]) = try Self.pipe()
      handedOver.append(inner[2])
    }
    switch destination {
    case .pipe:
      (output, inner[1]) = try Self.pipe()
      handedOver.append(inner[1])
    case .terminal(let columns, let rows):
      var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
      var terminal: Int32 = -1
      guard openpty(&output, &terminal, nil, nil, &size) == 0 else { throw Failure("openpty") }
      _ = fcntl(output, F_SETFD, FD_CLOEXEC)
      handedOver.append(terminal)
      (inner[0], inner[1]) = (terminal, terminal)
      isOnTerminal = true
    case .file(let path):
      inner[1] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
      handedOver.append(inner[1])
    case .closed:
      break
    }
    self.output = output
    self.errors = errors

    var variables = ProcessInfo.processInfo.environment
    for (name, value) in environment { variables[name] = value }
    let strings = ([program] + arguments).map { strdup($0) } + [nil]
    let settings = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in strings + settings { free(string) } }
    pid = program.withCString { name in
      strings.withUnsafeBufferPointer { strings in
        settings.withUnsafeBufferPointer { settings in
          var command = sonde_command(
            program: name, arguments: strings.baseAddress, environment: settings.baseAddress,
            descriptors: (inner[0], inner[1], inner[2]), on_terminal: isOnTerminal ? 1 : 0,
            ignored_signal: ignored)
          return sonde_start(&command)
        }
      }
    }
    guard pid > 0 else { throw Failure("fork") }
  }

  deinit {
    if waitStatus == nil, pid > 0 {
      Glibc.kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    closeOutput()
    if errors >= 0 { close(errors) }
  }

  /// Sends it a signal.
  public func send(_ signal: Int32) {
    if waitStatus == nil { kill(pid, signal) }
  }

  /// What is typed at its terminal.
  public func type(_ text: String) {
    _ = Glibc.write(output, text, text.utf8.count)
  }

  /// No longer reads its output: it gets EPIPE, or, from a terminal, SIGHUP.
  public func closeOutput() {
    if output >= 0 { close(output) }
    output = -1
  }

  /// All of its output so far.
  public var text: String { String(decoding: outputBytes, as: UTF8.self) }

  /// Reads until its output holds what is waited for; throws where that doesn't come in time.
  public func read(seconds: Double = 20, until isEnough: (String) -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds * Need.patience)
    while !isEnough(text) {
      guard output >= 0, Date() < deadline else {
        throw Failure("what is waited for didn't come; so far: \(text)\n\(errorText)")
      }
      take()
    }
  }

  /// The same of its standard error; gives what is there then.
  public func readErrors(seconds: Double = 20, until isEnough: (String) -> Bool) throws -> String {
    let deadline = Date(timeIntervalSinceNow: seconds * Need.patience)
    while !isEnough(errorText) {
      guard errors >= 0, Date() < deadline else {
        throw Failure("what is waited for wasn't said; so far: \(text)\n\(errorText)")
      }
      take()
    }
    return errorText
  }

  /// Waits for its end; throws, and kills it, where that takes longer.
  public func wait(seconds: Double = 30) throws -> Ended {
    let deadline = Date(timeIntervalSinceNow: seconds * Need.patience)
    while output >= 0 || errors >= 0 || waitStatus == nil {
      guard Date() < deadline else {
        throw Failure("still runs after \(seconds) s; so far: \(text)\n\(errorText)")
      }
      take()
      reap()
    }
    return ended
  }

  /// Waits for its end and leaves its output unread.
  public func waitUnread(seconds: Double = 30) throws -> Ended {
    let deadline = Date(timeIntervalSinceNow: seconds * Need.patience)
    while waitStatus == nil {
      guard Date() < deadline else { throw Failure("still runs after \(seconds) s") }
      usleep(5000)
      reap()
    }
    return ended
  }

  private var errorText: String { String(decoding: errorBytes, as: UTF8.self) }

  private var ended: Ended {
    let status = waitStatus ?? 0
    let signal = status & 0x7f
    return Ended(
      status: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
      bytes: outputBytes, errors: errorText)
  }

  private func reap() {
    var status: Int32 = 0
    if waitStatus == nil, waitpid(pid, &status, WNOHANG) == pid { waitStatus = status }
  }

  /// What is there within some milliseconds.
  private func take() {
    var waiting = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    poll(&waiting, 2, 10)
    if waiting[0].revents != 0, !Self.append(output, to: &outputBytes) { closeOutput() }
    if waiting[1].revents != 0, !Self.append(errors, to: &errorBytes) {
      close(errors)
      errors = -1
    }
  }

  /// False at the end; a terminal's master tells of that by EIO.
  private static func append(_ descriptor: Int32, to data: inout Data) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = Glibc.read(descriptor, &chunk, chunk.count)
    if count > 0 { data.append(contentsOf: chunk[..<count]) }
    return count > 0 || (count < 0 && errno == EINTR)
  }

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard sonde_pipe(&ends) == 0 else { throw Failure("pipe") }
    return (ends[0], ends[1])
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
  }
}
