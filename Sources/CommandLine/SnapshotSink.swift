import CLinux
public import Exports
import Faces
import Pages
import Reports
import SystemPackage

/// Where a tool's reports go: a live screen, lines of text, or lines of JSON; to the terminal or a
/// file.
public struct SnapshotSink<T: Tool> {
  private let options: OutputOptions
  /// Whether each interval gets a full report, on whatever isn't a live screen.
  private let full: Bool
  private let mayBeLive: Bool
  private let takesKeys: Bool
  private let plain: Bool
  /// Whether a screen stays after the last report.
  private let staysOpen: Bool
  private var whole: T.Report?
  private var page = T.Page()
  /// What the run's events go into, with `--format perfetto`.
  private let trace: TraceStream<T.Trace>?
  private let length: UInt64?

  private var file: OutputFile?
  private var descriptor = FileDescriptor.standardOutput
  private var isTerminal = false
  private var isLive = false
  private var screen = LiveScreen()
  /// Instead of that, where somebody can type keys.
  private var browser: BrowserOnTerminal<T>?
  /// How many lines were written since the heading.
  private var lines = 0
  /// When the run is to end, CLOCK_MONOTONIC.
  private var end = UInt64.max
  /// Nobody reads any more.
  private var isClosed = false
  private var isIncomplete = false

  /// - Parameters:
  ///   - full: whether each interval gets a full report where text isn't live.
  ///   - live: whether the screen may be redrawn in place on a terminal.
  ///   - plain: whether no screen to move about in is shown.
  ///   - takesKeys: whether what is typed there meanwhile is for nobody else.
  ///   - staysOpen: whether a screen to move about in is shown also where text isn't live, and stays until
  ///     whoever looks at it has seen enough: ``browse()``.
  ///   - length: how long the run lasts, ns; nil: until it is ended.
  ///   - trace: what the run's events go into, where the options ask for them.
  public init(
    _ options: OutputOptions, full: Bool = false, plain: Bool = false, live: Bool = true,
    takesKeys: Bool = true,
    staysOpen: Bool = false, length: UInt64? = nil, trace: TraceStream<T.Trace>? = nil
  ) {
    self.trace = trace
    (self.options, self.full, mayBeLive) = (options, full, live)
    self.plain = plain
    (self.takesKeys, self.staysOpen, self.length) = (takesKeys, staysOpen, length)
    if options.output == nil { look() }
  }

  private mutating func look() {
    isTerminal = Terminal.isTerminal(descriptor)
    // A terminal that can't move its cursor gets what a file gets.
    isLive = isTerminal && Terminal.understandsEscapes && options.format == .text && mayBeLive
  }

  /// What a live screen shows while `body` attaches, which takes a while.
  ///
  /// - Throws: what `body` throws; its message then takes the line.
  public mutating func attaching<Result: ~Copyable>(
    _ body: () throws -> Result
  ) throws -> Result {
    guard isLive else { return try body() }
    if isBrowsed { sonde_screen_guard(descriptor.rawValue) }
    // The cursor stays on the line, and the next screen covers it.
    try? Terminal.write("\(T.name)  attaching ...\r", to: descriptor)
    do {
      return try body()
    } catch {
      try? Terminal.write("\u{1b}[K", to: descriptor)
      throw error
    }
  }

  /// Begins the file, where the options name one, and lets `body` write reports. After it the file
  /// takes its place; where it throws, what was written in part is removed.
  ///
  /// - Throws: what `body` throws, or `Failure` where the file can't be written.
  public mutating func use<Result>(_ body: (inout Self) throws -> Result) throws -> Result {
    defer { sonde_screen_end() }
    try begin()
    do {
      let result = try body(&self)
      if isIncomplete {
        throw Failure(
          "can't write \(options.target): the reader has stalled; the final report is missing")
      }
      try failing { try file?.finish() }
      return result
    } catch {
      file?.discard()
      throw error
    }
  }

  private mutating func begin() throws {
    if let length { end = Terminal.monotonic() &+ length }
    if let path = options.output {
      do {
        file = try OutputFile(path, end: end)
      } catch Errno.noSuchAddressOrDevice {
        throw Failure("can't write \(path): nobody has opened it for reading")
      } catch {
        throw Failure("can't write \(path): \(error)")
      }
      descriptor = file?.descriptor ?? descriptor
      look()
    }
    let own = sonde_open_without_waiting(descriptor.rawValue)
    if own >= 0 { descriptor = FileDescriptor(rawValue: own) }
    guard !isBrowsed else {
      browser = BrowserOnTerminal(usesColor: usesColor, isReplay: staysOpen)
      // What was said while it attached is not to be there afterwards.
      _ = try put("\r\u{1b}[K")
      sonde_screen_begin(descriptor.rawValue, SONDE_SCREEN_WHOLE)
      _ = try show()
      return
    }
    guard isLive else { return }
    sonde_screen_begin(
      descriptor.rawValue, takesKeys ? SONDE_SCREEN_QUIET : SONDE_SCREEN_PLACE)
    let waiting = "\(T.name)  waiting for the first interval  Ctrl-C to stop"
    let columns = Terminal.columns(of: descriptor)
    try? Terminal.write(
      screen.frame(clipped(waiting, to: columns, mark: "") + "\n", rows: 2), to: descriptor,
      end: end)
  }

  /// Whether the reports are shown on a screen to move about in.
  public var isBrowsed: Bool {
    (mayBeLive || staysOpen) && takesKeys && !full && !plain && options.format == .text
      && options.output == nil && BrowserOnTerminal<T>.isPossible
  }

  /// Something was typed, or the terminal has another size.
  ///
  /// - Returns: whether to go on.
  /// - Throws: `Failure` where the screen can't be written.
  public mutating func attend() throws -> Bool {
    guard browser != nil else { return true }
    guard browser?.attend(.standardInput) ?? false else { return false }
    // A file is read faster than anybody looks.
    let now = Terminal.monotonic()
    guard !staysOpen || now >= shown &+ Self.showPeriod else { return true }
    shown = now
    return try show()
  }

  /// After the last report: until whoever looks at the screen has seen enough. Nothing where it isn't one.
  ///
  /// - Throws: `Failure` where the screen can't be written.
  public mutating func browse() throws {
    guard browser != nil else { return }
    // The terminal may change its size meanwhile.
    repeat {
      guard try show() else { return }
    } while sonde_end_requested_at() == 0
      && browser?.attend(.standardInput, timeout: Self.browsePeriod) ?? false
    sonde_screen_end()
    browser = nil
    if let whole { _ = try put(T.block(whole, wholeLayout)) }
  }

  /// When a file's reports were last shown as they are read, and how often they are, ns.
  private var shown: UInt64 = 0
  private static var showPeriod: UInt64 { 50_000_000 }
  /// ms
  private static var browsePeriod: Int32 { 250 }

  /// A line below the screen, where there is one.
  mutating func say(_ text: String) { browser?.say(text) }

  private mutating func show() throws -> Bool {
    try put(browser?.frame(of: descriptor) ?? "")
  }

  /// Writes a report; false once nobody reads any more.
  ///
  /// - Throws: `Failure` where it can't be written.
  public mutating func write(_ report: T.Report) throws -> Bool {
    guard !isClosed else { return false }
    switch options.format {
    case .json: return try put(Self.json(report))
    case .html:
      if report.final { return try put(page.html(report)) }
      page.add(report)
      return true
    case .text:
      guard browser != nil else { return try put(draw(report)) }
      if report.final, staysOpen {
        whole = report
        return try show()
      }
      if report.final {
        // Below what was on the terminal before.
        sonde_screen_end()
        return try put(T.block(report, wholeLayout))
      }
      browser?.add(report)
      return try staysOpen || show()
    case .perfetto:
      trace?.add(report)
      return try writeTrace()
    case .pprof: return try !report.final || put(Pprof.file(report.profile))
    case .speedscope:
      return try !report.final || put(Self.json(Speedscope(report.profile, name: T.name)))
    case .folded, .foldedCount:
      guard report.final else { return true }
      let folded = FoldedStacks.text(report.foldedStacks) {
        options.format == .folded ? $0.ns : $0.count
      }
      return try put(folded)
    }
  }

  /// Writes what the trace has grown by, where there is one; false once nobody reads any more.
  ///
  /// - Throws: `Failure` where it can't be written, or made.
  mutating func writeTrace() throws -> Bool {
    guard let trace, !isClosed else { return !isClosed }
    if let fault = trace.fault { throw Failure("can't make a trace: \(fault)") }
    return try put(trace.takeBytes())
  }

  /// Writes what is no report of a run, as lines of JSON or as one text.
  ///
  /// - Throws: `Failure` where it can't be written.
  public mutating func write(_ objects: [some Encodable], text: (TextLayout) -> String) throws {
    var lines = ""
    if options.format == .json {
      for object in objects { lines += try Self.json(object) }
    } else {
      lines = text(wholeLayout)
    }
    _ = try put(lines)
  }

  private static func json(_ object: some Encodable) throws -> String {
    String(decoding: try SnapshotJSON.line(object), as: UTF8.self) + "\n"
  }

  /// False once nobody reads any more.
  private mutating func put(_ text: String) throws -> Bool { try put(Array(text.utf8)) }

  private mutating func put(_ bytes: [UInt8]) throws -> Bool {
    do {
      try Terminal.write(bytes, to: descriptor, end: end)
      return true
    } catch .timedOut {
      (isClosed, isIncomplete) = (true, true)
    } catch {
      // EIO of a terminal: it was closed.
      guard error == .brokenPipe || (error == .ioError && isTerminal) else {
        throw Failure("can't write \(options.target): \(error)")
      }
      isClosed = true
    }
    return false
  }

  // MARK: - Text

  /// As many lines as vmstat(8) has on a terminal of usual height.
  private static var linesPerHeading: Int { 20 }

  private mutating func draw(_ report: T.Report) -> String {
    guard isLive else { return line(report) }
    if report.final { return screen.frame(T.block(report, wholeLayout), rows: .max) }
    let rows = Terminal.rows(of: descriptor)
    // The cursor needs a row too.
    return screen.frame(T.block(report, layout(rows: rows - 1)), rows: rows)
  }

  /// One line per interval; the whole in full.
  private mutating func line(_ report: T.Report) -> String {
    guard !full, !report.final else {
      defer { lines = 0 }
      return (lines > 0 ? "\n" : "") + T.block(report, wholeLayout) + (full ? "\n" : "")
    }
    let heading = lines % Self.linesPerHeading == 0 ? T.heading(layout()) : ""
    lines += 1
    return heading + T.line(report, layout())
  }

  /// Of a report that isn't drawn over.
  private var wholeLayout: TextLayout { layout(rows: Terminal.rowsWanted ?? .max) }

  private func layout(rows: Int = .max) -> TextLayout {
    TextLayout(
      columns: Terminal.columns(of: descriptor), rows: rows, color: usesColor, live: isLive)
  }

  private var usesColor: Bool {
    switch options.color {
    case .always: true
    case .never: false
    case .auto: isTerminal && Terminal.understandsEscapes && !Terminal.colorIsUnwanted
    }
  }

  private func failing(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      throw Failure("can't write \(options.target): \(error)")
    }
  }
}

extension OutputOptions {
  fileprivate var target: String { output ?? "to standard output" }
}
