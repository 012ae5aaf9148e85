public import Faces
public import Reports

/// What a tool shows on a screen.
public struct ScreenFace<Report: Snapshot>: Sendable {
  /// A figure of each interval, to be seen over time.
  public struct Figure: Sendable {
    let title: String
    let value: @Sendable (Report) -> Double

    public init(_ title: String, _ value: @escaping @Sendable (Report) -> Double) {
      (self.title, self.value) = (title, value)
    }
  }

  /// A histogram of each interval, likewise.
  public struct Map: Sendable {
    let title: String
    let histogram: @Sendable (Report) -> HistogramPart

    public init(_ title: String, _ histogram: @escaping @Sendable (Report) -> HistogramPart) {
      (self.title, self.histogram) = (title, histogram)
    }
  }

  /// A part of the report in full.
  public struct Page: Sendable {
    let title: String
    /// Lines that each end with a newline.
    let text: @Sendable (Report, _ columns: Int, _ color: Bool, BarStyle) -> String

    public init(
      _ title: String,
      _ text: @escaping @Sendable (Report, _ columns: Int, _ color: Bool, BarStyle) -> String
    ) {
      (self.title, self.text) = (title, text)
    }
  }

  let name: String
  /// What matters most, in a sentence; nil where nothing is known yet.
  let sentence: @Sendable (Report) -> String?
  /// Instead of it.
  let nothing: String
  /// The report in full, lines that each end with a newline.
  let report: Page
  /// Who it is about; nil where there is no such table.
  let table: Table<Report>?
  let figures: [Figure]
  let maps: [Map]
  let pages: [Page]

  public init(
    name: String, sentence: @escaping @Sendable (Report) -> String?, nothing: String,
    report: @escaping @Sendable (Report, _ columns: Int, _ color: Bool, BarStyle) -> String,
    table: Table<Report>? = nil, figures: [Figure], maps: [Map], pages: [Page] = []
  ) {
    (self.name, self.sentence, self.nothing, self.table) = (name, sentence, nothing, table)
    self.report = Page("report", report)
    (self.figures, self.maps, self.pages) = (figures, maps, pages)
  }
}
