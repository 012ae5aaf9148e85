import Faces
import Histograms
import Reports
import Screen
import Support
import Testing

/// A screen by its keys, without a terminal.
struct BrowserTests {
  private static let face = ScreenFace<LoadSnapshot>(
    name: "tool", sentence: { "load \($0.load.kernel[0]) on \($0.host.names[0])" },
    nothing: "nothing",
    report: { report, columns, _, _ in
      (0..<40).map { String("line \($0) of \(report.end)".prefix(columns)) }
        .joined(separator: "\n") + "\n"
    },
    table: Table(
      title: "who",
      columns: [
        .init("name", width: 0), .init("state", width: 6), .init("n", width: 6) { "\(Int($0))" },
      ],
      rows: { report in
        (0..<30).map { number in
          .init(
            id: "\(number)", key: "task \(number / 2)",
            cells: ["task \(number / 2)", number % 2 == 0 ? "R" : "D", "\(30 - number)"],
            numbers: [Double(30 - number)])
        }
      },
      figure: "n",
      details: { report, key, columns in [String("all of \(key) at \(report.end)".prefix(columns))]
      }),
    figures: [.init("load1") { $0.load.kernel[0] }],
    maps: [.init("latency") { $0.histograms.runQueueLatency }],
    pages: [
      .init("more") { report, columns, _, _ in
        String("more of \(report.end)".prefix(columns)) + "\n"
      }
    ])

  /// Of the second `number`: so many waits of a microsecond, and one of a millisecond in every tenth.
  static func report(_ number: Int, host: String = "web-1") -> LoadSnapshot {
    var histogram = Histogram()
    for _ in 0...number { histogram.record(1_000) }
    if number % 10 == 0 { histogram.record(1_000_000) }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let none = HistogramPart(Histogram())
    let nobody = OccupancyPart(now: 0, mean: 0, max: 0, taskNs: 0)
    return LoadSnapshot(
      final: false, host: HostPart(names: [host], kernels: ["6.18"], cpus: 2),
      start: "2026-01-01T00:00:00.000Z",
      end: "2026-01-01T10:\(two(number / 60)):\(two(number % 60)).000Z",
      intervalNs: 1_000_000_000, filter: FilterPart(), probes: [], loss: LossPart(),
      cost: CostPart(
        bpfNsPerSwitch: nil, consumerNs: 0, taskScanNs: 0, residentBytes: 0, ringBytes: 0),
      load: LoadPart(kernel: [Double(number), 0, 0]),
      tasks: TasksPart(runnable: nobody, uninterruptible: nobody), switches: 0, preemptions: 0,
      histograms: HistogramsPart(
        runQueueLatency: HistogramPart(histogram), onCPU: none, blockedUninterruptible: none,
        blockedInterruptible: none))
  }

  private func browser(_ reports: Int) -> Browser<LoadSnapshot> {
    var browser = Browser(Self.face)
    for number in 0..<reports { browser.add(Self.report(number)) }
    return browser
  }

  private func lines(
    _ browser: inout Browser<LoadSnapshot>, columns: Int = 80, rows: Int = 24,
    colors: ColorDepth = .none
  ) -> [String] {
    browser.lines(columns: columns, rows: rows, colors: colors, bars: .blocks)
  }

  @Test func beforeTheFirst() {
    var browser = browser(0)
    #expect(lines(&browser).first == "waiting for the first interval")
    for key in [.left, .right, .text(" "), .down, .tab, .text("[")] as [Key] {
      #expect(browser.take(key) == .none)
      #expect(lines(&browser).count == 24)
    }
    #expect(browser.take(.text("w")) == .none && browser.take(.text("q")) == .quit)
  }

  @Test func scrolls() {
    var browser = browser(1)
    func first(_ keys: Key...) -> String {
      for key in keys { _ = browser.take(key) }
      return lines(&browser)[4]
    }
    // Nineteen of forty lines: four are above, one is below.
    #expect(first().hasPrefix("line 0 ") && first(.down).hasPrefix("line 1 "))
    #expect(first(.pageDown).hasPrefix("line 19 ") && first(.pageDown).hasPrefix("line 21 "))
    #expect(first(.up).hasPrefix("line 20 ") && first(.home).hasPrefix("line 0 "))
    #expect(first(.end).hasPrefix("line 21 ") && first(.wheelUp).hasPrefix("line 18 "))
    #expect(first(.text("g")).hasPrefix("line 0 ") && first(.text("G")).hasPrefix("line 21 "))
    #expect(first(.up, .up, .wheelDown).hasPrefix("line 21 "))
  }

  @Test func goesBackAndForth() {
    var browser = browser(30)
    func load(_ keys: Key...) -> Double? {
      for key in keys { _ = browser.take(key) }
      return browser.current?.load.kernel[0]
    }
    #expect(load() == 29 && load(.left) == 28 && load(.left, .left, .right) == 27)
    #expect(load(.text("[")) == 17 && load(.text("[")) == 7 && load(.text("[")) == 0)
    // What comes meanwhile doesn't move it.
    browser.add(Self.report(30))
    #expect(load() == 0 && lines(&browser)[2].contains("30 intervals back"))
    #expect(load(.text("]")) == 10 && load(.escape) == 30)
    #expect(lines(&browser)[2].contains("live"))
    #expect(load(.text(" ")) == 30)
    browser.add(Self.report(31))
    #expect(load() == 30 && load(.text(" ")) == 31)
  }

  /// The one that is looked at stays until it is the oldest, and then the oldest is.
  @Test func keepsTenMinutes() {
    var browser = browser(600)
    for _ in 0..<70 { _ = browser.take(.text("[")) }
    #expect(browser.current?.load.kernel[0] == 0)
    _ = browser.take(.right)
    browser.add(Self.report(600))
    #expect(browser.current?.load.kernel[0] == 1)
    browser.add(Self.report(601))
    #expect(browser.current?.load.kernel[0] == 2)
  }

  @Test func filters() {
    var browser = browser(1)
    for key in [.text("/"), .text("L"), .text("i"), .text("n"), .text("e"), .text(" "), .text("3")]
      as [Key]
    {
      _ = browser.take(key)
    }
    #expect(lines(&browser).last == "/Line 3_")
    #expect(lines(&browser)[4...].prefix { $0.hasPrefix("line 3") }.count == 11)
    _ = browser.take(.backspace)
    _ = browser.take(.text("7"))
    _ = browser.take(.enter)
    #expect(lines(&browser)[4].hasPrefix("line 7 ") && lines(&browser)[5].isEmpty)
    // Keys are keys again.
    _ = browser.take(.escape)
    #expect(lines(&browser)[5].hasPrefix("line 1 ") && browser.take(.text("q")) == .quit)
  }

  /// A column is an interval, a row an octave; the mark is below the one that is looked at.
  @Test func heatMap() throws {
    var browser = browser(30)
    _ = browser.take(.text("3"))
    let shown = lines(&browser)
    let slow = try #require(shown.first { $0.hasPrefix("   524 us ") })
    let fast = try #require(shown.first { $0.hasPrefix("   512 ns ") })
    let mark = try #require(shown.first { $0.contains("▲") })
    #expect(slow.count == 40 && mark.count == 40 && fast.count == 40)
    for column in 0..<30 {
      func cell(_ line: String) -> Character? {
        let index = line.index(line.startIndex, offsetBy: 10 + column, limitedBy: line.endIndex)
        return index.flatMap { $0 < line.endIndex ? line[$0] : nil }
      }
      #expect((cell(slow) ?? " " != " ") == (column % 10 == 0) && cell(fast) != " ")
    }
    // A click goes there, and the mark with it.
    _ = browser.take(.click(column: 10 + 7, row: 8))
    #expect(browser.current?.load.kernel[0] == 7)
    #expect(lines(&browser).contains { $0.count == 18 && $0.hasSuffix("▲") })
    _ = browser.take(.click(column: 2, row: 3))
    #expect(lines(&browser)[4].hasPrefix("line 0 "))
  }

  /// Of more intervals than columns the last, and older ones as one goes back to them.
  @Test func moreThanColumns() {
    var browser = browser(200)
    _ = browser.take(.text("3"))
    #expect(lines(&browser).contains { $0.count == 80 && $0.hasSuffix("▲") })
    for _ in 0..<15 { _ = browser.take(.text("[")) }
    #expect(browser.current?.load.kernel[0] == 49)
    #expect(lines(&browser).contains { $0.count == 11 && $0.hasSuffix("▲") })
    _ = browser.take(.click(column: 10 + 20, row: 9))
    #expect(browser.current?.load.kernel[0] == 69)
  }

  /// Rows of one name are told apart, wherever the cursor goes; a click opens one, Esc closes it.
  @Test func tables() {
    var browser = browser(5)
    _ = browser.take(.text("2"))
    func marked() -> String? { lines(&browser).first { $0.hasPrefix(">") } }
    #expect(marked()?.contains("task 0") == true && marked()?.hasSuffix("30") == true)
    for expected in ["29", "28", "27"] {
      _ = browser.take(.down)
      #expect(marked()?.hasSuffix(expected) == true)
    }
    _ = browser.take(.end)
    #expect(marked()?.contains("task 14") == true)
    // The cursor stays on its row as others are sorted around it.
    _ = browser.take(.text("s"))
    #expect(marked()?.contains("task 14") == true)
    _ = browser.take(.enter)
    #expect(lines(&browser).contains { $0.hasPrefix("all of task 14 at ") })
    _ = browser.take(.left)
    #expect(lines(&browser).contains { $0.contains("T10:00:03") })
    _ = browser.take(.escape)
    #expect(marked()?.contains("task 14") == true)
    _ = browser.take(.home)
    _ = lines(&browser)
    // Below the heading of the table, which is below the tabs.
    _ = browser.take(.click(column: 5, row: 6))
    #expect(marked() != nil && !lines(&browser).contains { $0.hasPrefix("all of") })
    _ = browser.take(.click(column: 5, row: 6))
    #expect(lines(&browser).contains { $0.hasPrefix("all of") })
  }

  /// Rows of one name become one with their sum; Enter goes into one, Esc out again.
  @Test func groups() {
    var browser = browser(1)
    func rows(_ keys: Key...) -> [[Substring]] {
      for key in keys { _ = browser.take(key) }
      return lines(&browser)[5...].dropLast().filter { !$0.isEmpty }
        .map { $0.dropFirst().split(separator: " ") }
    }
    #expect(rows(.text("2")).count == 18)
    let names = rows(.text("g"))
    #expect(names.count == 15 && names[0] == ["task", "0,", "2", "rows", "59"])
    let states = rows(.text("g"))
    #expect(states == [["15", "rows", "R", "240"], ["15", "rows", "D", "225"]])
    let inside = rows(.down, .enter)
    #expect(inside.count == 15 && inside.allSatisfy { $0[2] == "D" } && inside[0].last == "29")
    #expect(rows(.escape) == states && rows(.text("g")).count == 18)
    #expect(Table<LoadSnapshot>.group("nginx (812)") == "nginx")
    #expect(Table<LoadSnapshot>.group("nginx (8 processes)") == "nginx (8 processes)")
    for name in ["(812)", "foo()", "a(12)"] { #expect(Table<LoadSnapshot>.group(name) == name) }
  }

  /// Of the interval that is looked at and those before it, as far as there are any.
  @Test func sums() {
    var browser = browser(10)
    func waits(_ keys: Key...) -> UInt64? {
      for key in keys { _ = browser.take(key) }
      return browser.current?.histograms.runQueueLatency.count
    }
    #expect(waits() == 10 && waits(.text("+")) == 19 && waits(.text("+")) == 40)
    #expect(lines(&browser)[2].contains("5 intervals merged"))
    #expect(waits(.left) == 35 && waits(.home) == 35)
    for _ in 0..<9 { _ = browser.take(.left) }
    #expect(waits() == 2 && !lines(&browser)[2].contains("5 intervals"))
    #expect(waits(.escape) == 40)
    browser.add(Self.report(11))
    #expect(waits() == 12 + 10 + 9 + 8 + 7)
    #expect(waits(.text("-"), .text("-"), .text("-")) == 12)
  }

  /// Whatever is typed, however large the terminal, and whoever gives names: lines that fit, and no
  /// command to the terminal but for styles.
  @Test(arguments: 0..<10 as Range<UInt64>) func anything(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var browser = Browser(Self.face)
    let keys: [Key] = [
      .up, .down, .left, .right, .pageUp, .pageDown, .home, .end, .enter, .escape, .tab, .backTab,
      .backspace, .text("/"), .text("?"), .text(" "), .text("["), .text("]"), .text("G"),
      .text("漢"), .text("+"), .text("-"), .text("g"), .text("s"), .text("2"), .wheelUp, .wheelDown,
      .text("\u{202e}"),
    ]
    for step in 0..<300 {
      if random.once(in: 4) {
        browser.add(Self.report(step, host: "h\u{1b}[2J\u{202e}\n漢字"))
      }
      let click = Key.click(
        column: Int.random(in: 0...300, using: &random), row: Int.random(in: 0...90, using: &random)
      )
      _ = browser.take(random.once(in: 8) ? click : keys.randomElement(using: &random)!)
      let (columns, rows) = (
        Int.random(in: 1...200, using: &random), Int.random(in: 1...60, using: &random)
      )
      let depth = ColorDepth.allCases.randomElement(using: &random)!
      let shown = lines(&browser, columns: columns, rows: rows, colors: depth)
      #expect(shown.count <= rows)
      for line in shown {
        let text = line.replacing(/\u{1b}\[[0-9;]*m/, with: "")
        #expect(Faces.columns(of: text) <= columns, "\(columns) \(text)")
        #expect(!text.unicodeScalars.contains { $0.value < 32 || $0.value == 0x202e })
      }
    }
  }
}
