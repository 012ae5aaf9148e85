/// The nanoseconds of a duration as a user writes it: "500ms", "1.5s", "5m", "2h", "1d", or "10"
/// for seconds.
///
/// Nil of anything else: a sign, a space, no digit before or behind a point, an unknown unit, less
/// than one nanosecond, more than 64 bits hold.
public func parseDuration(_ text: String) -> UInt64? {
  let units: [Substring: UInt64] = [
    "ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "": 1_000_000_000,
    "m": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000,
  ]
  var rest = text[...]
  let whole = takeDigits(&rest)
  guard !whole.isEmpty else { return nil }
  var fraction = [] as [UInt64]
  if rest.first == "." {
    rest.removeFirst()
    fraction = takeDigits(&rest)
    guard !fraction.isEmpty else { return nil }
  }
  guard let unit = units[rest] else { return nil }

  var number: UInt64 = 0
  for digit in whole {
    let (tenfold, tooLarge) = number.multipliedReportingOverflow(by: 10)
    let (sum, tooLargeNow) = tenfold.addingReportingOverflow(digit)
    guard !tooLarge, !tooLargeNow else { return nil }
    number = sum
  }
  let (nanoseconds, tooLarge) = number.multipliedReportingOverflow(by: unit)
  // What a digit stands for; no unit is fine enough for a remainder above one nanosecond.
  var place = unit
  var part: UInt64 = 0
  for digit in fraction {
    place /= 10
    part += digit * place
  }
  let (sum, tooLargeNow) = nanoseconds.addingReportingOverflow(part)
  guard !tooLarge, !tooLargeNow, sum > 0 else { return nil }
  return sum
}

/// The decimal digits that the text begins with; they are removed.
private func takeDigits(_ text: inout Substring) -> [UInt64] {
  let digits = text.prefix { $0.isASCII && $0.isNumber }
  text = text[digits.endIndex...]
  return digits.compactMap { UInt64(String($0)) }
}
