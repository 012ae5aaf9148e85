import FoundationEssentials
import Reports
import Testing

/// The lists of figures: against the JSON, the documentation, and sums.
struct FigureTests {
  @Test func loadFiguresAreThoseOfTheJSON() throws {
    let snapshot = sample(longest: (5, "dd")).complete()
    try check(LoadSnapshot.figures, of: snapshot, in: "snapshot.md")
  }

  @Test func cloneFiguresAreThoseOfTheJSON() throws {
    try check(CloneSnapshot.figures, of: CloneFormTests.sample(), in: "cloneprof.md")
  }

  /// No number of the JSON is missing in the list, but for those of lists and of parts that a merge
  /// leaves out.
  private func check<Report: Snapshot>(
    _ figures: [Figure<Report>], of report: Report, in file: String
  ) throws {
    let json = try JSONDecoder().decode(JSONValue.self, from: SnapshotJSON.line(report))
    var values: [String: Double] = [:]
    Self.collect(json, at: "", into: &values)
    let own = try Self.documentation(file)
    let shared = try Self.documentation("snapshot.md")
    for figure in figures {
      switch figure.value {
      case .number(let read):
        let value = try #require(read(report), "\(figure.name)")
        #expect(values.removeValue(forKey: figure.name) == value, "\(figure.name)")
      case .histogram(let read):
        #expect(values.removeValue(forKey: "\(figure.name).count") == Double(read(report).count))
        values = values.filter { !$0.key.hasPrefix(figure.name + ".") }
      }
      let last = String(figure.name.split(separator: ".").last!.prefix { $0 != "[" })
      let isDocumented = (own + shared).contains { row in
        row.contains(last) && row.contains(Self.words(of: figure))
      }
      #expect(isDocumented, "\(figure.name): \(Self.words(of: figure))")
    }
    #expect(
      values.keys.filter { !Self.leftOut.contains($0) }.sorted() == [],
      "not in the list of figures")
    #expect(Set(figures.map(\.name)).count == figures.count)
  }

  private static let leftOut: Set = [
    "tasks.reliable_ns", "tasks.uninterruptible.longest.ns", "tasks.uninterruptible.longest.tid",
    "calls.failed.EAGAIN", "calls.straddled",
  ]

  /// As the row of a table holds them.
  private static func words<Report>(of figure: Figure<Report>) -> String {
    switch figure.value {
    case .histogram: "| \(figure.help) |"
    case .number where figure.name.hasPrefix("load.kernel"):
      String(figure.help.drop { $0 != " " }.dropFirst())
    case .number: "|\(figure.unit.isEmpty ? "" : " " + figure.unit) | \(figure.help) |"
    }
  }

  private static func documentation(_ file: String) throws -> [Substring] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/\(file)")
    return try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
  }

  /// The numbers outside lists, by their places; of the load averages as well.
  private static func collect(
    _ json: JSONValue, at place: String, into values: inout [String: Double]
  ) {
    for key in json.keys where !["attribution", "limits", "pressure"].contains(key) {
      // The object beside host.cpus.
      if place.isEmpty, key == "cpus" { continue }
      let name = place.isEmpty ? key : "\(place).\(key)"
      if case .number(let value) = json[key] { values[name] = value }
      if name == "load.kernel" {
        for (index, element) in (json[key]?.elements ?? []).enumerated() {
          if case .number(let value) = element { values["\(name)[\(index)]"] = value }
        }
      }
      if let part = json[key] { collect(part, at: name, into: &values) }
    }
  }
}
