import CLinux
import Glibc
import Presentation
import Snapshots
import SystemPackage

/// Where snapshots go: a live picture, blocks of text, or lines of JSON; to the terminal or a file.
struct SnapshotSink {
  private let options: OutputOptions
  private let file: OutputFile?
  private let descriptor: FileDescriptor
  private let isTerminal: Bool
  private let isLive: Bool
  private var screen = LiveScreen()

  init(_ options: OutputOptions) throws {
    self.options = options
    do {
      file = try options.output.map { try OutputFile($0) }
    } catch {
      throw Failure("can't write \(options.place): \(error)")
    }
    descriptor = file?.descriptor ?? .standardOutput
    isTerminal = Terminal.isTerminal(descriptor)
    // A terminal that can't move its cursor gets what a file gets.
    isLive =
      isTerminal && Terminal.understandsEscapes && options.format == .text && options.live
  }

  func begin() {
    guard isLive else { return }
    unsafe sonde_on_forced_exit(nil, screen.end())
    try? Terminal.write(screen.begin(), to: descriptor)
  }

  /// Writes a snapshot; false once nobody reads any more.
  mutating func write(_ snapshot: LoadSnapshot) throws -> Bool {
    let text: String
    switch options.format {
    case .json:
      text = String(decoding: try SnapshotJSON.line(snapshot), as: UTF8.self) + "\n"
    case .text:
      text = draw(snapshot)
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

  private mutating func draw(_ snapshot: LoadSnapshot) -> String {
    let text = LoadText(columns: Terminal.columns(of: descriptor), color: usesColor)
    guard isLive else { return text.block(snapshot, live: false) + "\n" }
    if snapshot.final {
      return screen.frame(text.block(snapshot, live: true), rows: .max) + screen.end()
    }
    let rows = Terminal.rows(of: descriptor)
    // The cursor needs a row too.
    return screen.frame(text.block(snapshot, live: true, rows: rows - 1), rows: rows)
  }

  private var usesColor: Bool {
    switch options.color {
    case .always: true
    case .never: false
    case .auto: isTerminal && Terminal.understandsEscapes && !Terminal.colorIsUnwanted
    }
  }

  /// All is written: the file takes its place.
  func finish() throws {
    do {
      try file?.finish()
    } catch {
      throw Failure("can't write \(options.place): \(error)")
    }
  }

  /// Nothing more comes; what was written to a file in part is removed.
  func abandon() {
    if isLive { try? Terminal.write(screen.end(), to: descriptor) }
    file?.discard()
  }

  /// A word to whoever sits there, beside the output.
  func note(_ text: String) {
    try? Terminal.write("loadwatch: \(text)\n", to: .standardError)
  }
}

extension OutputOptions {
  fileprivate var place: String { output ?? "to standard output" }
}
