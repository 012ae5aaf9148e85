import Faces
import Reports
import Testing
import Support

/// Figures with their units.
struct UnitsTests {
  static let second: UInt64 = 1_000_000_000

  @Test(
    arguments: [
      (0, "0 ns"), (1, "1 ns"), (870, "870 ns"), (999, "999 ns"), (1_000, "1.00 us"),
      (3_124, "3.12 us"), (3_125, "3.13 us"), (9_994, "9.99 us"), (9_995, "10.0 us"),
      (99_949, "99.9 us"), (99_950, "100 us"), (999_499, "999 us"), (999_500, "1.00 ms"),
      (14_000_000, "14.0 ms"), (999_500_000, "1.00 s"), (1_500_000_000, "1.50 s"),
      (59_949_999_999, "59.9 s"), (59_950_000_000, "1 m 00 s"), (125 * second, "2 m 05 s"),
      (3_599_499_999_999, "59 m 59 s"), (3_599_500_000_000, "1 h 00 m"),
      (11_400 * second, "3 h 10 m"), (86_369 * second, "23 h 59 m"), (86_370 * second, "1 d 00 h"),
      (352_800 * second, "4 d 02 h"), (8_638_199 * second, "99 d 23 h"),
      (8_638_200 * second, "100 d"), (.max, "213504 d"),
    ])
  func durationsHaveThreeDigits(ns: UInt64, text: String) {
    #expect(durationText(ns: ns) == text)
  }

  @Test func figuresFitTheirFields() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      let value = random.next() >> UInt64.random(in: 0...63, using: &random)
      #expect(durationText(ns: value).utf8.count <= 9, "\(value)")
      #expect(compactCountText(value).utf8.count <= 5, "\(value)")
      #expect(bytesText(value).utf8.count <= 7, "\(value)")
    }
  }

  @Test(
    arguments: [
      (0, "0", "0", "0 B"), (999, "999", "999", "999 B"), (1_000, "1,000", "1.00k", "1.00 kB"),
      (12_345, "12,345", "12.3k", "12.3 kB"), (999_499, "999,499", "999k", "999 kB"),
      (999_500, "999,500", "1.00M", "1.00 MB"), (1_234_567, "1,234,567", "1.23M", "1.23 MB"),
      (21_400_000, "21,400,000", "21.4M", "21.4 MB"), (8_388_608, "8,388,608", "8.39M", "8.39 MB"),
      (1_000_000_007, "1,000,000,007", "1.00G", "1.00 GB"),
      (.max, "18,446,744,073,709,551,615", "18.4E", "18.4 EB"),
    ] as [(UInt64, String, String, String)])
  func countsAndBytes(value: UInt64, full: String, compact: String, bytes: String) {
    #expect(countText(value) == full)
    #expect(compactCountText(value) == compact)
    #expect(bytesText(value) == bytes)
  }

  @Test func ratesAndParts() {
    #expect(rateText(123_456, overNs: Self.second) == "123,456/s")
    #expect(rateText(5, overNs: 20 * Self.second) == "0.25/s")
    #expect(rateText(0, overNs: Self.second) == "0.00/s")
    #expect(rateText(7, overNs: 0) == "-")
    #expect(rateText(.max, overNs: 1) == "18,446,744,073,709,551,615/s")
    #expect(percentText(12, of: 1_000) == "1.2 %")
    #expect(percentText(4, of: 10_000) == "0.04 %")
    #expect(percentText(1, of: 1_000_000) == "< 0.01 %")
    #expect(percentText(0, of: 5) == "0.0 %")
    #expect(percentText(5, of: 0) == "-")
    #expect(decimalText(4.705, digits: 2) == "4.71" && decimalText(-0.5, digits: 0) == "-1")
    #expect(decimalText(0.05, digits: 2) == "0.05" && decimalText(-0.001, digits: 2) == "0.00")
    #expect(decimalText(.infinity, digits: 2) == "-" && decimalText(.nan, digits: 2) == "-")
    #expect(decimalText(530_000.09, digits: 2) == "530000.09")
  }
}

/// Durations as users write them.
struct ParseDurationTests {
  @Test(
    arguments: [
      ("500ms", 500_000_000), ("10s", 10_000_000_000), ("5m", 300_000_000_000),
      ("2h", 7_200_000_000_000), ("1d", 86_400_000_000_000), ("1.5s", 1_500_000_000),
      ("10", 10_000_000_000), ("0.25", 250_000_000), ("7ns", 7), ("20us", 20_000),
      ("1.5m", 90_000_000_000), ("0.000000001s", 1), ("0.1234567899s", 123_456_789),
      ("18446744073709551615ns", .max), ("18446744073.709551615s", .max), ("007s", 7_000_000_000),
      ("0.00000000000000000000000000001d", nil),
    ] as [(String, UInt64?)])
  func durationsAreRead(text: String, ns: UInt64?) {
    #expect(parseDuration(text) == ns)
  }

  @Test(
    arguments: [
      "", "0", "0s", "0.0ms", "-1s", "+1s", " 1s", "1 s", "1s ", "s", ".5s", "1.s", "1..5s",
      "1.5.5s", "1e3s", "0x10", "1S", "1sec", "10sm", "٣s", "1\u{301}s", "1,5s", "inf", "nan",
      "18446744073709551616ns", "18446744073.709551616s", "18446744073710s", "213504d",
      "99999999999999999999999999", "1s\u{0}", "1s\n",
    ])
  func junkIsRefused(text: String) {
    #expect(parseDuration(text) == nil)
  }

  @Test func whatIsShownInOneUnitIsRead() {
    for ns in [1, 870, 3_120, 14_000_000, 1_500_000_000] as [UInt64] {
      #expect(parseDuration(durationText(ns: ns).filter { $0 != " " }) == ns)
    }
  }
}
