import Metrics
import Testing

/// Who has series of their own.
struct BoundedGroupsTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func theLargest() {
    var groups = BoundedGroups(most: 2)
    groups.take(sizes: ["a": 1, "b": 3, "c": 2, "d": 0], amounts: [:], at: 0)
    #expect(groups.names == ["b", "c"])
  }

  /// One that is no longer among the largest stays for ten minutes, or for one where its place is wanted.
  @Test func aMemberStays() {
    var groups = BoundedGroups(most: 2)
    groups.take(sizes: ["a": 3, "b": 2], amounts: [:], at: 0)
    for time in stride(from: 5, to: 600, by: 5) {
      groups.take(sizes: ["b": 2], amounts: [:], at: UInt64(time) * Self.second)
      #expect(groups.names == ["a", "b"])
    }
    groups.take(sizes: ["b": 2], amounts: [:], at: 600 * Self.second)
    #expect(groups.names == ["b"])
    groups.take(sizes: ["a": 1, "b": 2], amounts: [:], at: 605 * Self.second)
    for time in stride(from: 610, to: 665, by: 5) {
      groups.take(sizes: ["b": 2, "c": 9], amounts: [:], at: UInt64(time) * Self.second)
      #expect(groups.names == ["a", "b"])
    }
    groups.take(sizes: ["b": 2, "c": 9], amounts: [:], at: 665 * Self.second)
    #expect(groups.names == ["b", "c"])
  }

  /// Counters never go back, also not of who has been away; all together they are everything, from one
  /// interval to the next.
  @Test func counters() {
    var groups = BoundedGroups(most: 1)
    groups.take(sizes: ["a": 1], amounts: ["a": 5, "b": 7], at: 0)
    // A series begins at 0: what came as it joined is the others'.
    #expect(groups.names == ["a"] && groups.total(of: "a") == 0 && groups.others == 12)
    groups.take(sizes: ["a": 1], amounts: ["a": 5, "b": 7], at: Self.second)
    #expect(groups.total(of: "a") == 5 && groups.others == 19)
    groups.take(sizes: ["b": 1], amounts: ["a": 1, "b": 2], at: 700 * Self.second)
    #expect(groups.names == ["b"] && groups.total(of: "b") == 0 && groups.others == 22)
    groups.take(sizes: ["b": 1], amounts: ["a": 1, "b": 2], at: 701 * Self.second)
    #expect(groups.total(of: "b") == 2 && groups.others == 23)
    groups.take(sizes: ["a": 1], amounts: ["a": 1], at: 1400 * Self.second)
    #expect(groups.names == ["a"] && groups.total(of: "a") == 5 && groups.others == 24)
    groups.take(sizes: ["a": 1], amounts: ["a": 1], at: 1401 * Self.second)
    #expect(groups.total(of: "a") == 6)
  }

  /// However many come and go: what those that are there grow by is what was counted.
  @Test func names() {
    var groups = BoundedGroups(most: 10)
    var shown: [String: Double] = [:]
    for round in 0..<6000 {
      let before = groups.others
      groups.take(
        sizes: ["\(round)": 1, "x\(round)": 2, "y": 1], amounts: ["\(round)": 1, "y": 0.5],
        at: UInt64(round) * 100 * Self.second)
      #expect(groups.names.count <= 10)
      let grown = groups.names.reduce(groups.others - before) {
        $0 + groups.total(of: $1) - (shown[$1] ?? 0)
      }
      #expect(grown == 1.5)
      for name in groups.names { shown[name] = groups.total(of: name) }
    }
  }

  @Test func labels() {
    #expect(LabelText.of("/a\u{1b}[2J\"\n") == "/a\\x1b[2J\"\\x0a")
    #expect(LabelText.of("/a\\x2db\\") == "/a\\x2db\\")
    let long = String(repeating: "ä", count: 600)
    let (one, two) = (LabelText.of(long + "1"), LabelText.of(long + "2"))
    #expect(one != two && one.utf8.count < 300 && LabelText.of(long + "1") == one)
  }
}
