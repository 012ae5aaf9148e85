/// A condition on a report, in the words of the reports: "load1 > 2*cpus and lost = 0".
///
///     condition  = all { "or" all }
///     all        = comparison { "and" comparison }
///     comparison = term (">" | ">=" | "<" | "<=" | "=" | "!=") term | "verdict" ("=" | "!=") cause
///     term       = factor { "*" factor }
///     factor     = name | number [ "ns" | "us" | "ms" | "s" | "m" | "h" | "k" | "M" | "G" | "%" ]
///
/// A name is that of a figure, in full or from any of its dots on. A comparison with a figure that the
/// report hasn't got does not hold.
public struct Condition<Report: Snapshot>: Sendable {
  private typealias Term = @Sendable (Report) -> Double?
  private typealias Test = @Sendable (Report) -> Bool

  private let alternatives: [[Test]]

  /// - Throws: `ConditionError`, which says what can't be understood.
  public init(_ text: String) throws(ConditionError) {
    var parser = ConditionParser<Report>(text)
    alternatives = try parser.condition()
  }

  public func holds(_ report: Report) -> Bool {
    alternatives.contains { $0.allSatisfy { $0(report) } }
  }
}

/// What of a condition can't be understood.
public struct ConditionError: Error, CustomStringConvertible {
  public let description: String
}

private struct ConditionParser<Report: Snapshot> {
  typealias Term = @Sendable (Report) -> Double?
  typealias Test = @Sendable (Report) -> Bool

  private let text: String
  private var words: ArraySlice<Substring>

  init(_ text: String) {
    self.text = text
    words = Self.words(of: text)[...]
  }

  /// Names and numbers with their units, and operators.
  private static func words(of text: String) -> [Substring] {
    var words: [Substring] = []
    var rest = text[...]
    while let first = rest.first {
      if first.isWhitespace {
        rest.removeFirst()
      } else if isOperator(first) {
        let count = rest.dropFirst().first == "=" && first != "*" ? 2 : 1
        words.append(rest.prefix(count))
        rest.removeFirst(count)
      } else {
        let word = rest.prefix { !$0.isWhitespace && !isOperator($0) }
        words.append(word)
        rest.removeFirst(word.count)
      }
    }
    return words
  }

  private static func isOperator(_ character: Character) -> Bool { "<>=!*".contains(character) }

  mutating func condition() throws(ConditionError) -> [[Test]] {
    var alternatives: [[Test]] = []
    repeat {
      var all: [Test] = []
      repeat { all.append(try comparison()) } while take("and")
      alternatives.append(all)
    } while take("or")
    if let word = words.first { throw error("unexpected '\(word)'") }
    return alternatives
  }

  private mutating func take(_ word: Substring) -> Bool {
    guard words.first == word else { return false }
    words.removeFirst()
    return true
  }

  private mutating func comparison() throws(ConditionError) -> Test {
    if words.first == "verdict" { return try verdict() }
    let left = try term()
    let compare = try comparator()
    let right = try term()
    return { report in
      guard let one = left(report), let two = right(report) else { return false }
      return compare(one, two)
    }
  }

  private mutating func comparator() throws(ConditionError) -> @Sendable (Double, Double) -> Bool {
    let word = words.popFirst()
    switch word {
    case ">": return { $0 > $1 }
    case ">=": return { $0 >= $1 }
    case "<": return { $0 < $1 }
    case "<=": return { $0 <= $1 }
    case "=", "==": return { $0 == $1 }
    case "!=": return { $0 != $1 }
    default:
      throw error(
        "expected one of > >= < <= = !=\(word.map { ", not '\($0)'" } ?? " at the end")")
    }
  }

  private mutating func verdict() throws(ConditionError) -> Test {
    words.removeFirst()
    let isWanted: Bool
    switch words.popFirst() {
    case "=", "==": isWanted = true
    case "!=": isWanted = false
    default: throw error("verdict takes only = and !=")
    }
    let names = Report.verdictCauses
    guard let name = words.popFirst(), names.contains(String(name)) else {
      throw error(
        names.isEmpty
          ? "this tool has no verdicts" : "a verdict is one of \(names.joined(separator: ", "))")
    }
    let cause = String(name)
    return { $0.causes.contains(cause) == isWanted }
  }

  private mutating func term() throws(ConditionError) -> Term {
    var product = try factor()
    while take("*") {
      let (one, two) = (product, try factor())
      product = { report in
        guard let a = one(report), let b = two(report) else { return nil }
        return a * b
      }
    }
    return product
  }

  private mutating func factor() throws(ConditionError) -> Term {
    guard let word = words.popFirst() else { throw error("unexpected end") }
    if word.first?.isNumber == true || word.first == "." {
      guard let number = Self.number(word) else { throw error("'\(word)' is not a number") }
      return { _ in number }
    }
    guard let figure = Report.figure(named: String(word)) else {
      throw error(
        "unknown figure '\(word)'; valid names: \(Report.figureNames.joined(separator: ", "))")
    }
    return figure
  }

  /// Times are ns, as all figures of time are.
  private static func number(_ word: Substring) -> Double? {
    let digits = word.prefix { $0.isNumber || $0 == "." }
    let units: [Substring: Double] = [
      "": 1, "ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "k": 1e3, "M": 1e6,
      "G": 1e9, "%": 0.01,
    ]
    guard let number = Double(digits), let unit = units[word.dropFirst(digits.count)] else {
      return nil
    }
    return number * unit
  }

  private func error(_ reason: String) -> ConditionError {
    ConditionError(description: "\"\(text)\": \(reason)")
  }
}
