/// Bands over time, one on top of the other, and a line over them all.
struct StackedArea {
  struct Band {
    let name: String
    /// One a column.
    let values: [Double]
    /// A class of its fill.
    let style: String
  }

  let id: String
  /// What is drawn, for those who can't see it.
  let label: String
  /// What the values count, at the axis.
  let unit: String
  let bands: [Band]
  /// Its name, and a value a column.
  let line: (name: String, values: [Double])?
  /// When each column ended.
  let times: [String]

  static let width = 960.0
  static let left = 60.0
  private static let height = 220.0

  var markup: Markup {
    let count = times.count
    guard count > 0 else { return "" }
    let sums = (0..<count).map { column in bands.reduce(0) { $0 + max(0, $1.values[column]) } }
    let most = max((sums + (line?.values ?? [])).max() ?? 0, 0.01)
    let top = Self.roundedUp(most)
    func y(_ value: Double) -> Double { Self.height * (1 - max(0, value) / top) }
    var below = [Double](repeating: 0, count: count)
    var shapes: [Markup] = []
    for band in bands {
      let above = zip(below, band.values).map { $0 + max(0, $1) }
      shapes.append(
        """
        <path class="\(band.style)" d="\(Self.outline(above.map(y), below.map(y)))"><title>\(band.name)</title></path>

        """)
      below = above
    }
    if let line {
      shapes.append(
        """
        <path class="line" vector-effect="non-scaling-stroke" d="\(Self.steps(line.values.map(y)))"/>

        """)
    }
    let scale = (Self.width - Self.left) / Double(count)
    let data = PictureData(
      times: times,
      series: bands.map { .init(name: $0.name, values: $0.values) }
        + (line.map { [.init(name: $0.name, values: $0.values)] } ?? []))
    return """
      <figure class="time" id="\(id)">
      <svg viewBox="0 0 \(Self.width) \(Self.height + 24)" role="img" aria-label="\(label)" data-left="\(Self.left)">
      \(grid(top, y))<g transform="translate(\(Self.left) 0) scale(\(Markup(stringLiteral: "\(scale)")) 1)">
      \(shapes)</g>
      \(TimeAxis(times: times, y: Self.height).markup)<line class="cursor" y2="\(Self.height)"/>
      </svg>
      \(legend)<p class="readout" aria-live="polite"></p>
      \(data.markup)</figure>

      """
  }

  private func grid(_ top: Double, _ y: (Double) -> Double) -> Markup {
    let lines = [0, 0.25, 0.5, 0.75, 1].map { part -> Markup in
      let at = y(top * part)
      return """
        <line class="grid" x1="\(Self.left)" x2="\(Self.width)" y1="\(at)" y2="\(at)"/>\
        <text class="axis n" x="\(Self.left - 8)" y="\(max(10, at + 4))">\(top * part)</text>

        """
    }
    return "\(lines)<text class=\"axis\" x=\"\(Self.left + 6)\" y=\"12\">\(unit)</text>\n"
  }

  private var legend: Markup {
    let items = bands.reversed().map { band -> Markup in
      "<li><svg class=\"key\" viewBox=\"0 0 1 1\"><rect class=\"\(band.style)\" width=\"1\" height=\"1\"/></svg>\(band.name)</li>\n"
    }
    let lineItem: Markup = line.map { "<li><span class=\"dash\"></span>\($0.name)</li>\n" } ?? ""
    return "<figcaption><ul class=\"legend\">\(lineItem)\(items)</ul></figcaption>\n"
  }

  /// The end of an axis: the next of these steps within a power of ten.
  static func roundedUp(_ value: Double) -> Double {
    guard value.isFinite else { return 1 }
    var step = 0.01
    while step * 10 <= value { step *= 10 }
    return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map { $0 * step }.first { $0 >= value }
      ?? step * 10
  }

  /// Steps as wide as a column.
  private static func steps(_ values: [Double]) -> String {
    var path = ""
    for (column, value) in values.enumerated() {
      let text = decimal(value)
      if column == 0 {
        path = "M0 \(text)"
      } else if decimal(values[column - 1]) != text {
        path += "H\(column)V\(text)"
      }
    }
    return path + "H\(values.count)"
  }

  /// Along the top, and back along the bottom.
  private static func outline(_ above: [Double], _ below: [Double]) -> String {
    var path = steps(above)
    for column in below.indices.reversed() {
      let text = decimal(below[column])
      if column == below.count - 1 || decimal(below[column + 1]) != text {
        path += column == below.count - 1 ? "V\(text)" : "H\(column + 1)V\(text)"
      }
    }
    return path + "H0Z"
  }
}

/// Times below a picture whose columns are intervals.
struct TimeAxis {
  let times: [String]
  let y: Double

  var markup: Markup {
    let width = StackedArea.width - StackedArea.left
    let count = min(8, times.count)
    return Markup(
      (0..<count).map { number -> Markup in
        let column = times.count * number / count
        let x = StackedArea.left + width * Double(column) / Double(times.count)
        return """
          <line class="tick" x1="\(x)" x2="\(x)" y1="\(y)" y2="\(y + 5)"/>\
          <text class="axis" x="\(x + 3)" y="\(y + 16)">\(times[column])</text>

          """
      })
  }
}

/// What a picture's script reads, where a cursor is to tell more than the picture.
struct PictureData: Encodable {
  struct Series: Encodable {
    let name: String
    let values: [Double]

    init(name: String, values: [Double]) { (self.name, self.values) = (visible(name), values) }
  }

  let times: [String]
  var series: [Series] = []
  /// Of heat maps: where rows begin, the lowest first, and by column and row how many values.
  var rows: [String]?
  var counts: [[UInt64]]?

  var markup: Markup { "<script type=\"application/json\">\(Markup(json: self))</script>\n" }
}
