/// Figures of intervals over time, as many as a picture has columns: where there are more, two become one.
struct Timeline<Moment: TimelineMoment>: Sendable {
  private(set) var moments: [Moment] = []
  /// Of how many intervals each is, but for the last.
  private var span = 1
  /// And of how many the last is.
  private var lastSpan = 0
  static var most: Int { 600 }

  mutating func add(_ moment: Moment) {
    if lastSpan > 0, lastSpan < span {
      moments[moments.count - 1].append(moment)
      lastSpan += 1
      return
    }
    if moments.count == Self.most {
      moments = stride(from: 0, to: moments.count, by: 2).map { index in
        var sum = moments[index]
        if index + 1 < moments.count { sum.append(moments[index + 1]) }
        return sum
      }
      span *= 2
    }
    moments.append(moment)
    lastSpan = 1
  }
}

/// What is kept of an interval.
protocol TimelineMoment: Sendable {
  /// Goes on with the next one.
  mutating func append(_ next: Self)
}
