import CLinux
import Faces
import Glibc
import Reports
import Screen
import SystemPackage

/// A screen to move about in, on this terminal: keys from standard input, pictures to standard output.
struct BrowserOnTerminal<T: Tool> {
  private var browser: Browser<T.Report>
  private var keys = KeyReader()
  private var painter = Painter()
  private var takes: Int32 = 0
  private let colors: ColorDepth
  /// A terminal sends the bytes of a key at once; over a slow line they may come apart.
  private static var escapeDelay: Int32 { 25 }

  init(usesColor: Bool, isReplay: Bool) {
    browser = Browser<T.Report>(T.screen, isReplay: isReplay)
    colors = ColorDepth(
      term: Terminal.variable("TERM"), colorterm: Terminal.variable("COLORTERM"),
      isWanted: usesColor)
  }

  /// Whether standard input and output are a terminal that one can type at.
  static var isPossible: Bool {
    Terminal.isTerminal(.standardInput) && Terminal.isTerminal(.standardOutput)
      && Terminal.understandsEscapes
  }

  mutating func add(_ report: T.Report) { browser.add(report) }

  mutating func say(_ text: String) { browser.say(text) }

  /// Does what the keys that were typed ask for.
  ///
  /// - Parameter timeout: how long to wait for one, ms.
  /// - Returns: whether to go on.
  mutating func attend(_ input: FileDescriptor, timeout: Int32 = 0) -> Bool {
    guard var typed = read(input, timeout: timeout) else { return false }
    while keys.isWaiting {
      let more = read(input, timeout: Self.escapeDelay)
      typed += more ?? []
      if more?.isEmpty ?? true { typed += keys.giveUp() }
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

  /// All that there is; nil where the terminal has gone.
  private mutating func read(_ input: FileDescriptor, timeout: Int32) -> [Key]? {
    var typed: [Key] = []
    var wait = timeout
    while true {
      var bytes: [UInt8]? = []
      unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { room in
        let count = unsafe sonde_read_keys(input.rawValue, room.baseAddress, room.count, wait)
        bytes = unsafe count < 0 ? nil : Array(room.prefix(count))
      }
      guard let bytes else { return nil }
      guard !bytes.isEmpty else { return typed }
      typed += keys.keys(bytes)
      wait = 0
    }
  }

  /// The report that is looked at, to a file of its own.
  ///
  /// - Returns: what came of it.
  private func write() -> String {
    guard let report = browser.current else { return "nothing to write yet" }
    // To the millisecond: "20261130T140501123".
    let time = report.end.filter { $0.isNumber || $0 == "T" }
    let merged = browser.merged > 1 ? "-\(browser.merged)" : ""
    let name = "\(T.name)-\(time)\(merged).json"
    do {
      let file = try FileDescriptor.open(
        FilePath(name), .writeOnly, options: [.create, .exclusiveCreate],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      defer { try? file.close() }
      do {
        _ = try file.writeAll((try SnapshotJSON.line(report) + [UInt8(ascii: "\n")]))
      } catch {
        unsafe unlink(name)
        throw error
      }
      return "wrote \(name)"
    } catch {
      return "can't write \(name): \(error)"
    }
  }

  /// The picture as it is to stand on the terminal now.
  mutating func frame(of terminal: FileDescriptor) -> String {
    let now = sonde_screen_takes()
    guard now > 0 else { return "" }
    if now != takes { painter.forget() }
    takes = now
    let (columns, rows) = (Terminal.columns(of: terminal), Terminal.rows(of: terminal))
    return painter.frame(
      browser.lines(columns: columns, rows: rows, colors: colors, bars: .blocks), columns: columns,
      rows: rows)
  }
}
