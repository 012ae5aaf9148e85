import CLinux
import Faces
import Reports
import Screen
import SystemPackage

/// A screen to move about in, on this terminal: keys from standard input, pictures to standard output.
struct BrowserOnTerminal<T: Tool> {
  private var browser = Browser<T.Report>(T.screen)
  private var keys = KeyReader()
  private var painter = Painter()
  private var takes: Int32 = 0
  private let colors: ColorDepth
  /// A terminal sends the bytes of a key at once; over a slow line they may come apart.
  private static var escapeDelay: Int32 { 25 }

  init(usesColor: Bool) {
    colors = ColorDepth(
      term: Terminal.variable("TERM"), colorterm: Terminal.variable("COLORTERM"),
      isWanted: usesColor)
  }

  /// Whether there is somebody at a terminal to type keys.
  static var isPossible: Bool {
    Terminal.isTerminal(.standardInput) && Terminal.isTerminal(.standardOutput)
      && Terminal.understandsEscapes
  }

  mutating func add(_ report: T.Report) { browser.add(report) }

  /// Does what the keys that were typed ask for.
  ///
  /// - Returns: whether to go on.
  mutating func attend(_ input: FileDescriptor, timeout: Int32 = 0) -> Bool {
    var typed = read(input, timeout: timeout)
    if keys.isWaiting {
      typed += read(input, timeout: Self.escapeDelay)
      if keys.isWaiting { typed += keys.giveUp() }
    }
    for key in typed {
      switch browser.take(key) {
      case .none: break
      case .quit: return false
      case .write: browser.say(write())
      }
    }
    return true
  }

  private mutating func read(_ input: FileDescriptor, timeout: Int32) -> [Key] {
    unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { bytes in
      let count = unsafe sonde_read_keys(
        input.rawValue, bytes.baseAddress, bytes.count, timeout)
      return unsafe count > 0 ? keys.keys(bytes.prefix(count)) : []
    }
  }

  /// The report that is looked at, to a file of its own.
  ///
  /// - Returns: what came of it.
  private func write() -> String {
    guard let report = browser.current else { return "nothing to write yet" }
    let time = report.end.filter { $0.isNumber || $0 == "T" }.prefix(15)
    let name = "\(T.name)-\(time).json"
    do {
      let file = try FileDescriptor.open(
        FilePath(name), .writeOnly, options: [.create, .exclusiveCreate],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      defer { try? file.close() }
      _ = try file.writeAll((try SnapshotJSON.line(report) + [UInt8(ascii: "\n")]))
      return "wrote \(name)"
    } catch {
      return "can't write \(name): \(error)"
    }
  }

  /// The picture as it is to stand on the terminal now.
  mutating func frame(of terminal: FileDescriptor) -> String {
    let now = sonde_screen_takes()
    if now != takes { painter.forget() }
    takes = now
    let (columns, rows) = (Terminal.columns(of: terminal), Terminal.rows(of: terminal))
    return painter.frame(
      browser.lines(columns: columns, rows: rows, colors: colors, bars: .blocks), columns: columns,
      rows: rows)
  }
}
