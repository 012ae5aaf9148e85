import Metrics
import Testing

/// Who has series of their own.
struct BoundedGroupsTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func theLargest() {
    var groups = BoundedGroups(most: 2)
    groups.choose(by: ["a": 1, "b": 3, "c": 2, "d": 0], at: 0)
    #expect(groups.names == ["b", "c"])
  }

  /// One that is no longer among the largest stays for ten minutes, or for one where its place is wanted.
  @Test func aMemberStays() {
    var groups = BoundedGroups(most: 2)
    groups.choose(by: ["a": 3, "b": 2], at: 0)
    for time in stride(from: 5, to: 600, by: 5) {
      groups.choose(by: ["b": 2], at: UInt64(time) * Self.second)
      #expect(groups.names == ["a", "b"])
    }
    groups.choose(by: ["b": 2], at: 600 * Self.second)
    #expect(groups.names == ["b"])
    groups.choose(by: ["a": 1, "b": 2], at: 605 * Self.second)
    for time in stride(from: 610, to: 665, by: 5) {
      groups.choose(by: ["b": 2, "c": 9], at: UInt64(time) * Self.second)
      #expect(groups.names == ["a", "b"])
    }
    groups.choose(by: ["b": 2, "c": 9], at: 665 * Self.second)
    #expect(groups.names == ["b", "c"])
  }

  /// Counters never go back, also not of who has been away.
  @Test func counters() {
    var groups = BoundedGroups(most: 1)
    groups.choose(by: ["a": 1], at: 0)
    groups.count(5, for: "a")
    groups.count(7, for: "b")
    #expect(groups.total(of: "a") == 5 && groups.others == 7)
    groups.choose(by: ["b": 1], at: 700 * Self.second)
    groups.count(1, for: "a")
    groups.count(2, for: "b")
    #expect(groups.names == ["b"] && groups.total(of: "b") == 2 && groups.others == 8)
    groups.choose(by: ["a": 1], at: 1400 * Self.second)
    groups.count(1, for: "a")
    #expect(groups.total(of: "a") == 6)
  }

  /// However many come and go.
  @Test func names() {
    var groups = BoundedGroups(most: 10)
    for round in 0..<2000 {
      groups.choose(
        by: ["\(round)": 1, "x\(round)": 2], at: UInt64(round) * 100 * Self.second)
      groups.count(1, for: "\(round)")
      #expect(groups.names.count <= 10)
    }
    #expect(groups.total(of: "0") == 0 && groups.total(of: "1999") == 1)
  }

  @Test func labels() {
    #expect(LabelText.of("/a\u{1b}[2J\"\n") == "/a\\x1b[2J\"\\x0a")
    let long = String(repeating: "ä", count: 600)
    let (one, two) = (LabelText.of(long + "1"), LabelText.of(long + "2"))
    #expect(one != two && one.utf8.count < 300 && LabelText.of(long + "1") == one)
  }
}
