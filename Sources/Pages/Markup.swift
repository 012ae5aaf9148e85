import Faces
import FoundationEssentials

/// HTML or SVG. What is interpolated as text is escaped; markup is put in as it is.
struct Markup: ExpressibleByStringInterpolation, Sendable {
  private(set) var html: String

  init(stringLiteral html: String) { self.html = html }
  init(stringInterpolation: StringInterpolation) { html = stringInterpolation.html }
  init(_ parts: some Sequence<Markup>) { html = parts.map(\.html).joined() }

  /// As it may stand in a script element: nothing in it ends that.
  init(json value: some Encodable) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    html = text.replacing("&", with: "\\u0026").replacing("<", with: "\\u003c")
      .replacing(">", with: "\\u003e")
  }

  static func + (one: Markup, two: Markup) -> Markup { Markup([one, two]) }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var html = ""

    init(literalCapacity: Int, interpolationCount: Int) {}

    mutating func appendLiteral(_ literal: String) { html += literal }
    mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
    mutating func appendInterpolation(_ markup: Markup?) { html += markup?.html ?? "" }
    mutating func appendInterpolation(_ parts: [Markup]) { for part in parts { html += part.html } }
    mutating func appendInterpolation(_ number: Int) { html += "\(number)" }
    /// In hundredths.
    mutating func appendInterpolation(_ number: Double) { html += decimal(number) }

    /// As text: whatever it holds, it is neither an element nor leaves an attribute.
    mutating func appendInterpolation(_ text: String) {
      for scalar in visible(text).unicodeScalars {
        switch scalar {
        case "&": html += "&amp;"
        case "<": html += "&lt;"
        case ">": html += "&gt;"
        case "\"": html += "&quot;"
        case "'": html += "&#39;"
        default: html.unicodeScalars.append(scalar)
        }
      }
    }
  }
}

/// What would hide or reorder text is shown, as on a terminal. Backslashes stay: text outputs have escaped some
/// of it already.
func visible(_ text: String) -> String {
  text.split(separator: "\\", omittingEmptySubsequences: false).map { escaped(String($0)) }
    .joined(separator: "\\")
}

/// "12.5", "3", "0.04"
func decimal(_ number: Double) -> String {
  let bounded = number.isFinite ? min(1e15, max(-1e15, number)) : 0
  let hundredths = Int((bounded * 100).rounded())
  let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
  let sign = hundredths < 0 ? "-" : ""
  if rest == 0 { return "\(sign)\(whole)" }
  return rest % 10 == 0
    ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
}

/// A heading, and what is below it; nothing where there is nothing.
func section(_ id: String, _ title: String, _ content: Markup?) -> Markup {
  guard let content, !content.html.isEmpty else { return "" }
  return """
    <section id="\(id)"><h2>\(title)</h2>
    \(content)</section>

    """
}

/// A table of text and numbers; the columns of numbers are set flush right.
func table(
  _ titles: [String], numbers: Set<Int>, caption: String? = nil, _ rows: [[Markup]]
) -> Markup {
  guard !rows.isEmpty else { return "" }
  func cells(_ name: String, _ cells: [Markup]) -> Markup {
    Markup(
      cells.enumerated().map { index, cell in
        let style: Markup = numbers.contains(index) ? " class=\"n\"" : ""
        return "<\(name)\(style)>\(cell)</\(name)>"
      })
  }
  let head = cells("th", titles.map { "\($0)" })
  let body = rows.map { row -> Markup in "<tr>\(cells("td", row))</tr>\n" }
  let title: Markup = caption.map { "<caption>\($0)</caption>" } ?? ""
  return """
    <div class="wide"><table>\(title)<thead><tr>\(head)</tr></thead><tbody>
    \(body)</tbody></table></div>

    """
}
