public import ArgumentParser
public import Exports
import Glibc
public import Pages
public import Reports
public import Screen
import SystemPackage

/// One of the programs: what its subcommands share is written once.
public protocol Tool: ParsableCommand {
  associatedtype Report: ProfiledSnapshot
  /// What it writes with `--format html`.
  associatedtype Page: ReportPage<Report>
  /// What it writes with `--format perfetto`.
  associatedtype Trace: EventTrace where Trace.Report == Report
  /// Its subcommand `replay`.
  associatedtype Replay: ParsableCommand

  /// What its messages begin with.
  static var name: String { get }

  /// What this kernel lets it see, and by which means.
  static func probes() throws -> [ProbePart]

  /// A report in full, as lines that each end with a newline.
  static func block(_ report: Report, _ layout: TextLayout) -> String

  /// What it shows on a screen to move about in.
  static var screen: ScreenFace<Report> { get }

  /// An interval in one line, and what stands above it now and then; both end with a newline.
  static func line(_ report: Report, _ layout: TextLayout) -> String
  static func heading(_ layout: TextLayout) -> String
}

/// What text has to fit.
public struct TextLayout: Sendable {
  /// How wide the terminal is.
  public let columns: Int
  /// How many lines there is room for.
  public let rows: Int
  public let color: Bool
  /// Whether the text is drawn over in place.
  public let live: Bool
}

extension Tool {
  /// Runs the program, to its exit code.
  public static func run() -> Never {
    do {
      var command = try parseAsRoot()
      try command.run()
      exit(withError: nil)
    } catch {
      // A command's own status has no message, also where it is 0.
      guard exitCode(for: error).isSuccess, !(error is ExitCode) else { exit(withError: error) }
      // Help and the like, which ArgumentParser would print without a look whether that works.
      do {
        try reporting(tool: name) { try printOut(fullMessage(for: error) + "\n") }
      } catch {
        exit(withError: error)
      }
      exit(withError: nil)
    }
  }
}

/// Writes to standard output; that nobody reads it is no error.
///
/// - Throws: `Failure`.
func printOut(_ text: String) throws(Failure) {
  do {
    try Terminal.write(text, to: .standardOutput)
  } catch {
    if error != .brokenPipe { throw Failure("can't write to standard output: \(error)") }
  }
}
