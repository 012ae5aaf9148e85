public import ArgumentParser
import Faces

/// A length of time as a user writes it: 500ms, 1s, 5m.
public struct DurationArgument: ExpressibleByArgument, Sendable {
  /// As it was written.
  public let text: String
  public let ns: UInt64
  /// 146 years: what follows after such a time still has a place on the clock.
  private static let longest: UInt64 = 1 << 62

  /// One that the program itself names; anything else than a length of time stops it.
  public init(text: String) {
    self.init(argument: text)!
  }

  /// Nil where the text is no length of time, or none that the clock has room for.
  public init?(argument: String) {
    guard let ns = parseDuration(argument), ns <= Self.longest else { return nil }
    text = argument
    self.ns = ns
  }

  public var defaultValueDescription: String { text }

  /// The ns of so many of them, or of the longest there is.
  ///
  /// - Parameter count: not below zero.
  public func times(_ count: Int) -> UInt64 {
    let (product, overflow) = ns.multipliedReportingOverflow(by: UInt64(count))
    return overflow ? Self.longest : min(product, Self.longest)
  }
}
