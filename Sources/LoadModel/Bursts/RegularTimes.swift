/// Instants at regular distances, some of which may be missing: a line through them. Times in ns.
package struct RegularTimes {
  /// The distance.
  package private(set) var period: Double
  /// When one of them would have been if none were early or late: the last, as nearly as that is known.
  package private(set) var origin: Double
  /// How much they are early or late, as a standard deviation.
  package private(set) var jitter: Double

  private static let least = 5

  /// - Parameter times: the earliest first.
  /// - Returns: nil where they are too few, or not regular.
  package init?(_ times: [UInt64]) {
    guard times.count >= Self.least else { return nil }
    // From the last on: a Double is exact for 104 days of ns.
    let last = times[times.count - 1]
    let values = times.map { -Double(last &- $0) }
    let gaps = zip(values, values.dropFirst()).map { $1 - $0 }
    let typical = gaps.sorted()[gaps.count / 2]
    guard typical > 0, gaps.allSatisfy({ $0 > 0 && $0 < typical * 1e6 }) else { return nil }
    // How many periods lie between the last and each of them.
    var numbers: [Double] = [0]
    for gap in gaps.reversed() {
      let count = (gap / typical).rounded()
      guard count >= 1, abs(gap - count * typical) <= 0.1 * typical else { return nil }
      numbers.append(numbers[numbers.count - 1] - count)
    }
    numbers.reverse()
    let count = Double(times.count)
    let meanNumber = numbers.reduce(0, +) / count
    let mean = values.reduce(0, +) / count
    let spread = numbers.reduce(0) { $0 + ($1 - meanNumber) * ($1 - meanNumber) }
    var slope = 0.0
    for (number, value) in zip(numbers, values) { slope += (number - meanNumber) * (value - mean) }
    slope /= spread
    func residual(_ slope: Double) -> Double {
      var sum = 0.0
      for (number, value) in zip(numbers, values) {
        let late = value - mean - slope * (number - meanNumber)
        sum += late * late
      }
      return (sum / (count - 2)).squareRoot()
    }
    jitter = residual(slope)
    // People choose round figures: of those that the times allow, it is one.
    let round = (slope / Self.unit).rounded() * Self.unit
    let error = jitter / spread.squareRoot()
    if round > 0, abs(slope - round) <= max(3 * error, Self.resolution) { slope = round }
    period = slope
    origin = Double(last) + mean - slope * meanNumber
  }

  private static let unit = 1e8
  /// A timer's.
  private static let resolution = 1e5
}
