import Faces
public import Reports

/// Reports new verdicts, one line each, for the journal.
public struct VerdictLog: Sendable {
  /// When each was last there, CLOCK_MONOTONIC, ns.
  private var seen: [VerdictCause: UInt64] = [:]

  /// One that returns sooner isn't new.
  private static let quiet: UInt64 = 600_000_000_000

  public init() {}

  /// - Returns: lines in the form of logfmt, escaped.
  public mutating func take(_ report: LoadSnapshot, at now: UInt64) -> [String] {
    var lines: [String] = []
    for part in report.verdict ?? [] {
      let last = seen.updateValue(now, forKey: part.cause)
      guard last.map({ now &- $0 > Self.quiet }) ?? true else { continue }
      let load1 = report.load.kernel.first ?? 0
      lines.append(
        "verdict cause=\(part.cause.rawValue) share=\(decimalText(part.share, digits: 2)) "
          + "load1=\(decimalText(load1, digits: 2)) text=\(Self.quoted(part.text))")
    }
    return lines
  }

  private static func quoted(_ text: String) -> String {
    var quoted = ""
    for scalar in escaped(text).unicodeScalars {
      if scalar == "\"" || scalar == "\\" { quoted += "\\" }
      quoted.unicodeScalars.append(scalar)
    }
    return "\"\(quoted)\""
  }
}
