import Reports

/// A duration to three digits, 9 columns at most: "870 ns", "3.12 us", "1.50 s", "2 m 05 s",
/// "3 h 10 m", "4 d 02 h", "120 d".
public func durationText(ns: UInt64) -> String {
  if ns < 1_000 { return "\(ns) ns" }
  // One that would be rounded to 60.0 s is a minute.
  if ns < 59_950_000_000 {
    return scaled(ns, [(1_000, "us"), (1_000_000, "ms"), (1_000_000_000, "s")])
  }
  let seconds = rounded(ns, by: 1_000_000_000)
  if seconds < 3_600 { return "\(seconds / 60) m \(twoDigits(seconds % 60)) s" }
  let minutes = rounded(ns, by: 60_000_000_000)
  if minutes < 1_440 { return "\(minutes / 60) h \(twoDigits(minutes % 60)) m" }
  let hours = rounded(ns, by: 3_600_000_000_000)
  if hours < 2_400 { return "\(hours / 24) d \(twoDigits(hours % 24)) h" }
  return "\(rounded(ns, by: 86_400_000_000_000)) d"
}

/// A count to three digits, 5 columns at most: "12.3k", "4.56M".
public func compactCountText(_ count: UInt64) -> String {
  if count < 1_000 { return "\(count)" }
  return scaled(
    count,
    [
      (1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G"), (1_000_000_000_000, "T"),
      (1_000_000_000_000_000, "P"), (1_000_000_000_000_000_000, "E"),
    ], space: "")
}

/// Bytes to three digits, in units of a thousand: "21.4 MB".
public func bytesText(_ bytes: UInt64) -> String {
  if bytes < 1_000 { return "\(bytes) B" }
  return scaled(
    bytes,
    [
      (1_000, "kB"), (1_000_000, "MB"), (1_000_000_000, "GB"), (1_000_000_000_000, "TB"),
      (1_000_000_000_000_000, "PB"), (1_000_000_000_000_000_000, "EB"),
    ])
}

/// How often per second: "123,456/s", "0.25/s"; "-" of no time.
public func rateText(_ count: UInt64, overNs ns: UInt64) -> String {
  guard ns > 0 else { return "-" }
  let rate = Double(count) * 1e9 / Double(ns)
  return (rate < 10 ? decimalText(rate, digits: 2) : countText(UInt64(clamping: rate))) + "/s"
}

/// A part of a whole: "1.2 %", "0.04 %"; "-" of nothing.
public func percentText(_ part: UInt64, of whole: UInt64) -> String {
  guard whole > 0 else { return "-" }
  let percent = 100 * Double(part) / Double(whole)
  if part > 0, percent < 0.01 { return "< 0.01 %" }
  return decimalText(percent, digits: percent > 0 && percent < 1 ? 2 : 1) + " %"
}

/// A value with so many digits behind the point: "4.70".
public func decimalText(_ value: Double, digits: Int) -> String {
  guard value.isFinite else { return "-" }
  let scale = (0..<digits).reduce(1 as UInt64) { scale, _ in scale * 10 }
  let (whole, fraction) = UInt64(clamping: abs(value) * Double(scale))
    .quotientAndRemainder(dividingBy: scale)
  let sign = value < 0 && (whole > 0 || fraction > 0) ? "-" : ""
  guard digits > 0 else { return "\(sign)\(whole)" }
  let text = String(fraction)
  return "\(sign)\(whole).\(String(repeating: "0", count: digits - text.count))\(text)"
}

extension UInt64 {
  /// The nearest value there is.
  package init(clamping value: Double) {
    self = value.isNaN || value <= 0 ? 0 : value >= 0x1p64 ? .max : UInt64(value.rounded())
  }
}

/// Three digits in the first unit in which it stays below a thousand, or in the last.
private func scaled(
  _ value: UInt64, _ units: [(size: UInt64, name: String)], space: String = " "
) -> String {
  for (index, unit) in units.enumerated() {
    // Behind the point so many digits as make three, unless rounding makes a fourth.
    for digits in [2, 1, 0] {
      let step = digits == 2 ? unit.size / 100 : digits == 1 ? unit.size / 10 : unit.size
      let steps = rounded(value, by: step)
      guard steps < 1_000 || (digits == 0 && index == units.count - 1) else { continue }
      return decimalText(Double(steps) * Double(step) / Double(unit.size), digits: digits) + space
        + unit.name
    }
  }
  return "\(value)"
}

/// How many steps that is, to the nearest; half a step is one.
private func rounded(_ value: UInt64, by step: UInt64) -> UInt64 {
  let (quotient, remainder) = value.quotientAndRemainder(dividingBy: step)
  return quotient + (remainder >= step - remainder ? 1 : 0)
}

private func twoDigits(_ value: UInt64) -> String {
  value < 10 ? "0\(value)" : "\(value)"
}
