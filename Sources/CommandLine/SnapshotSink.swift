import CLinux
import Faces
public import Reports
import SystemPackage

/// What a block of text has to fit.
public struct Page: Sendable {
  /// How wide the terminal is.
  public let columns: Int
  /// How many lines there is room for.
  public let rows: Int
  public let color: Bool
  /// Whether the block is a picture that is drawn over in place.
  public let live: Bool
}

/// Where snapshots go: a live picture, blocks of text, or lines of JSON; to the terminal or a file.
public struct SnapshotSink<Told: Snapshot> {
  /// A snapshot as lines that each end with a newline.
  public typealias Text = (_ snapshot: Told, _ page: Page) -> String

  private let options: OutputOptions
  private let text: Text
  private let file: OutputFile?
  private let descriptor: FileDescriptor
  private let isTerminal: Bool
  private let isLive: Bool
  private var screen = LiveScreen()

  /// Begins the file, where the options name one. It then is to be finished or abandoned, as
  /// ``use(_:)`` does.
  ///
  /// - Parameter live: whether a picture may be redrawn in place on a terminal.
  /// - Throws: `Failure` where the file can't be written.
  public init(_ options: OutputOptions, live: Bool = true, text: @escaping Text) throws {
    self.options = options
    self.text = text
    do {
      file = try options.output.map { try OutputFile($0) }
    } catch {
      throw Failure("can't write \(options.place): \(error)")
    }
    descriptor = file?.descriptor ?? .standardOutput
    isTerminal = Terminal.isTerminal(descriptor)
    // A terminal that can't move its cursor gets what a file gets.
    isLive = isTerminal && Terminal.understandsEscapes && options.format == .text && live
  }

  /// Lets `body` write snapshots. After it the file takes its place; where it throws, what was
  /// written in part is removed.
  ///
  /// - Throws: what `body` throws, or `Failure` where the file can't take its place.
  public mutating func use<Result>(_ body: (inout Self) throws -> Result) throws -> Result {
    do {
      begin()
      let result = try body(&self)
      try finish()
      return result
    } catch {
      abandon()
      throw error
    }
  }

  /// Writes a snapshot; false once nobody reads any more.
  ///
  /// - Throws: `Failure` where it can't be written.
  public mutating func write(_ snapshot: Told) throws -> Bool {
    let text: String
    switch options.format {
    case .json:
      text = String(decoding: try SnapshotJSON.line(snapshot), as: UTF8.self) + "\n"
    case .text:
      text = draw(snapshot)
    case .folded, .foldedCount:
      guard snapshot.final else { return true }
      text = FoldedStacks.text(snapshot.foldedStacks) {
        options.format == .folded ? $0.ns : $0.count
      }
    }
    do {
      try Terminal.write(text, to: descriptor)
      return true
    } catch {
      // EIO of a terminal: it was closed.
      if error == .brokenPipe || (error == .ioError && isTerminal) { return false }
      throw Failure("can't write \(options.place): \(error)")
    }
  }

  private mutating func draw(_ snapshot: Told) -> String {
    guard isLive else { return block(snapshot) + "\n" }
    if snapshot.final { return screen.frame(block(snapshot), rows: .max) + screen.end() }
    let rows = Terminal.rows(of: descriptor)
    // The cursor needs a row too.
    return screen.frame(block(snapshot, rows: rows - 1), rows: rows)
  }

  private func block(_ snapshot: Told, rows: Int = .max) -> String {
    text(
      snapshot,
      Page(columns: Terminal.columns(of: descriptor), rows: rows, color: usesColor, live: isLive))
  }

  private var usesColor: Bool {
    switch options.color {
    case .always: true
    case .never: false
    case .auto: isTerminal && Terminal.understandsEscapes && !Terminal.colorIsUnwanted
    }
  }

  private func begin() {
    guard isLive else { return }
    unsafe sonde_on_forced_exit(nil, screen.end())
    try? Terminal.write(screen.begin(), to: descriptor)
  }

  /// All is written: the file takes its place.
  private func finish() throws {
    do {
      try file?.finish()
    } catch {
      throw Failure("can't write \(options.place): \(error)")
    }
  }

  /// Nothing more comes; what was written to a file in part is removed.
  private func abandon() {
    if isLive { try? Terminal.write(screen.end(), to: descriptor) }
    file?.discard()
  }
}

extension OutputOptions {
  fileprivate var place: String { output ?? "to standard output" }
}
