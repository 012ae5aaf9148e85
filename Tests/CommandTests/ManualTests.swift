import Foundation
import Reports
import Support
import Testing

/// The manual pages name what the commands take, and nothing else.
struct ManualTests {
  /// The text of a page, without what only its form needs.
  private func page(_ tool: String) throws -> String {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: package.appending(path: "man/\(tool).1"), encoding: .utf8)
      .replacing("\\-", with: "-").replacing("\\fB", with: "").replacing("\\fR", with: "")
      .replacing("\\fI", with: "")
  }

  private func longOptions(_ text: String) -> Set<String> {
    Set(text.matches(of: /--[a-z][a-z-]*/).map { String($0.output) })
  }

  @Test(arguments: [
    ("loadwatch", ["record", "replay", "report", "export", "info", "probes", "merge"]),
    (
      "cloneprof",
      [
        "record", "replay", "report", "export", "info", "probes", "merge", "compare", "demo",
        "collapse", "try",
      ]
    ),
  ]) func options(tool: String, commands: [String]) throws {
    var known: Set<String> = []
    for command in [""] + commands {
      let arguments = (command.isEmpty ? [] : [command]) + ["--help"]
      let ended = try Command(Binaries.url(tool).path, arguments).wait()
      #expect(ended.status == 0)
      // What an example has behind "--" is another program's.
      let lines = ended.output.split(separator: "\n").filter { !$0.contains(" -- ./") }
      known.formUnion(longOptions(lines.joined(separator: "\n")))
    }
    let page = try page(tool)
    #expect(longOptions(page) == known)
    for command in commands { #expect(page.contains("\n.TP\n.B \(command)\n"), "\(command)") }
    for code in [0, 1, 64, 69, 77] { #expect(page.contains("\n.TP\n.B \(code)\n")) }
  }

  @Test func causes() throws {
    let page = try page("loadwatch")
    for cause in VerdictCause.allCases {
      #expect(page.contains("\n.TP\n.B \(cause.rawValue)\n"), "\(cause)")
    }
  }
}
