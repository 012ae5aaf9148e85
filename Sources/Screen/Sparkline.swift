import Faces

/// A figure over time in one line.
enum Sparkline {
  private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  private static let ascii: [Character] = [".", ":", "-", "=", "+", "*", "%", "#"]

  /// A column for each value: the largest is full, and what isn't more than nothing is blank.
  static func text(_ values: some Collection<Double>, _ bars: BarStyle) -> String {
    let most = values.filter(\.isFinite).max() ?? 0
    let marks = bars == .blocks ? blocks : ascii
    return String(
      values.map { value -> Character in
        guard value.isFinite, value > 0, most > 0 else { return " " }
        return marks[min(marks.count - 1, Int(value / most * Double(marks.count)))]
      })
  }
}
