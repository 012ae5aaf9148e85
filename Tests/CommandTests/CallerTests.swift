import Foundation
import Reports
import Support
import Testing

/// Who calls fork, also in programs that were built without frame pointers.
@Suite(.serialized)
struct CallerTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Ten functions that use the frame pointer for something else, up to the program's beginning.
  @Test func withoutFramePointers() throws {
    let (final, told, _) = try scratch.profile("callers", "20", "--seconds", "60")
    #expect(told["callers"] == 20)
    let frames = try #require(final.stacks.first?.frames)
    // The lab's programs have no symbols.
    guard !Need.inLab else {
      return #expect(frames.filter { $0.hasPrefix("testload+0x") }.count >= 12, "\(frames)")
    }
    let start = try #require(frames.firstIndex(of: "fork_and_reap"), "\(frames)")
    let callers = (1...10).map { "caller_\($0)" } + ["load_callers", "main"]
    #expect(Array(frames[(start + 1)...].prefix(callers.count)) == callers, "\(frames)")
    #expect(final.stacks.count == 1 && final.stacks[0].count == 20, "\(final.stacks)")
  }
}
