import FoundationEssentials
import Glibc
import Presentation
import Snapshots
import SystemPackage

/// Where snapshots go: a live picture, blocks of text, or lines of JSON; to the terminal or a file.
///
/// A file is written beside its place and renamed as it is complete.
struct SnapshotSink {
  private let options: OutputOptions
  private let descriptor: FileDescriptor
  private let isTerminal: Bool
  private let isLive: Bool
  private let temporary: String?
  private var screen = LiveScreen()

  init(_ options: OutputOptions) throws {
    self.options = options
    if let path = options.output {
      let temporary = "\(path).\(getpid()).part"
      do {
        descriptor = try FileDescriptor.open(
          FilePath(temporary), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
      } catch {
        throw Failure("can't write \(escaped(path)): \(error)")
      }
      self.temporary = temporary
    } else {
      descriptor = .standardOutput
      temporary = nil
    }
    isTerminal = Terminal.columns(of: descriptor) != nil
    isLive = isTerminal && options.format == .text && options.live
  }

  func begin() {
    if isLive { try? Terminal.write(screen.begin(), to: descriptor) }
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
    } catch .brokenPipe {
      return false
    } catch {
      throw Failure("can't write \(options.output.map(escaped) ?? "to standard output"): \(error)")
    }
  }

  private mutating func draw(_ snapshot: LoadSnapshot) -> String {
    let columns = Terminal.columns(of: descriptor) ?? 80
    let block = LoadText(columns: columns, color: usesColor).block(snapshot, live: isLive)
    guard isLive else { return block + "\n" }
    if snapshot.final { return screen.frame(block, rows: .max) + screen.end() }
    return screen.frame(block, rows: Terminal.rows(of: descriptor) ?? 24)
  }

  private var usesColor: Bool {
    switch options.color {
    case .always: true
    case .never: false
    case .auto: unsafe isTerminal && getenv("NO_COLOR") == nil
    }
  }

  /// All is written: the file takes its place.
  func finish() throws {
    guard let temporary, let path = options.output else { return }
    do {
      try descriptor.close()
    } catch {
      throw Failure("can't write \(escaped(path)): \(error)")
    }
    guard unsafe rename(temporary, path) == 0 else {
      let error = Errno(rawValue: errno)
      unsafe unlink(temporary)
      throw Failure("can't write \(escaped(path)): \(error)")
    }
  }

  /// Nothing more comes; what was written to a file in part is removed.
  func abandon() {
    if isLive { try? Terminal.write(screen.end(), to: descriptor) }
    if let temporary { unsafe unlink(temporary) }
  }

  /// A word to whoever sits there, beside the output.
  func note(_ text: String) {
    try? Terminal.write("loadwatch: \(text)\n", to: .standardError)
  }
}
