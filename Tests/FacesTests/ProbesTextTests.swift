import Reports
import Testing

import Faces

/// What can be seen, as a table.
struct ProbesTextTests {
  static let probes = [
    ProbePart(
      feature: "run queue latency, on-CPU and blocked time", probe: "tp_btf/sched_switch",
      available: .yes),
    ProbePart(
      feature: "BPF overhead", probe: "BPF_ENABLE_STATS", available: .no,
      reason: "bpf(BPF_ENABLE_STATS) needs CAP_SYS_ADMIN: Operation not permitted"),
    ProbePart(
      feature: "names\u{1b}[2J", probe: "tp_btf/task_rename", available: .cannotTell,
      reason: "one\n\u{9b}two"),
  ]

  @Test func theTableIsAsIntended() {
    let text = probesText(Self.probes, columns: 78)
    #expect(
      text == #"""
        feature                                     probe                available
        run queue latency, on-CPU and blocked time  tp_btf/sched_switch  yes
        BPF overhead                                BPF_ENABLE_STATS     no
            bpf(BPF_ENABLE_STATS) needs CAP_SYS_ADMIN: Operation not permitted
        names\x1b[2J                                tp_btf/task_rename   cannot tell
            one
            \u{9b}two

        """#, "\(text)")
  }

  @Test func noLineIsTooWide() {
    for columns in 5...120 {
      for line in LoadTextTests.lines(probesText(Self.probes, columns: columns)) {
        #expect(Faces.columns(of: line) <= columns, "\(line)")
        #expect(line.last != " ")
      }
    }
    #expect(probesText([], columns: 80) == "feature  probe  available\n")
  }

  @Test func reasonsAreWrappedWhole() {
    let words = (0..<50).map { "word\($0)" }
    let probe = ProbePart(
      feature: "x", probe: "y", available: .no, reason: words.joined(separator: " "))
    let lines = LoadTextTests.lines(probesText([probe], columns: 40)).dropFirst(2)
    #expect(lines.allSatisfy { $0.hasPrefix("    word") })
    #expect(lines.joined(separator: " ").split(separator: " ").map(String.init) == words)
  }
}

/// How wide text is on a terminal.
struct ColumnsTests {
  @Test(
    arguments: [
      ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 2), ("日本", 4), ("👍", 2), ("한", 2), ("█▏", 2),
      ("ａ", 2), ("⌚", 2), ("…", 1),
    ])
  func wideCharactersTakeTwo(text: String, width: Int) {
    #expect(columns(of: text) == width)
  }

  @Test func textIsCutBetweenCharacters() {
    #expect(clipped("abcdef", to: 6, mark: "…") == "abcdef")
    #expect(clipped("abcdef", to: 4, mark: "…") == "abc…")
    #expect(clipped("日本語", to: 4, mark: "…") == "日…")
    #expect(clippedAtStart("/a/b/cd", to: 5, mark: "~") == "~b/cd")
    #expect(clippedAtStart("/日本語", to: 4, mark: "~") == "~語")
    #expect(clippedAtStart("abc", to: 3, mark: "~") == "abc")
    #expect(clippedAtStart("abc", to: 0, mark: "~").isEmpty)
    #expect(clipped("abc", to: 1, mark: "…") == "…" && clipped("abc", to: 0, mark: "…") == "")
    #expect(wrapped("ab cdefgh  i", to: 3) == ["ab", "cde", "fgh", "i"])
    #expect(wrapped("", to: 3) == [])
  }
}
