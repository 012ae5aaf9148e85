import Input
import Testing

/// Which intervals of a recording are reported.
struct ReplayWindowTests {
  private static let second: UInt64 = 1_000_000_000

  /// For a screen, which holds so many.
  @Test(arguments: [
    (0, 1), (599, 1), (600, 1), (601, 2), (1200, 2), (3600, 10), (86400, 300), (10_000_000, 16667),
  ]) func division(seconds: UInt64, every: UInt64) {
    var window = ReplayWindow()
    window.division = (seconds * Self.second, most: 600)
    #expect(window.length(recorded: Self.second) == every * Self.second)
    #expect(seconds <= 600 * every)
    // That many recorded intervals make one.
    window.starts(at: 0)
    var closed = 0
    for end in 1...(2 * every) {
      if case .closes = window.boundary(at: end * Self.second, isLast: false) { closed += 1 }
    }
    #expect(closed == 2)
  }

  /// What is asked for goes before it.
  @Test func anIntervalThatIsGiven() {
    var window = ReplayWindow(interval: 5 * Self.second)
    window.division = (86400 * Self.second, most: 600)
    #expect(window.length(recorded: Self.second) == 5 * Self.second)
    #expect(window.length(recorded: 2 * Self.second) == nil)
  }
}
