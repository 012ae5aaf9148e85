import FoundationEssentials
import Histograms
import Reports
import Testing

/// What a comparison looks like as JSON.
struct CompareFormTests {
  /// With a value in every field, and with as few as there may be.
  private static let samples: [CloneComparison] = {
    var full = sampledRun([10, 20, 30], [(.pageTables, 30, 9, 6)])
    full.filter = FilterPart(pids: [7], comms: ["httpd"], cgroups: ["/"])
    full.histograms.vforkWait = HistogramPart(histogram([1, 2]))
    full.pageTables.nsPerEntry = 40
    return [
      compare(measuredRun([60, 60], tables: [40, 40]), measuredRun([20, 20], tables: [5, 5])),
      compare(full, full), compare(full, emptyClones()), compare(emptyClones(), emptyClones()),
      compare(CloneFormTests.sample(), CloneFormTests.bare()),
    ]
  }()

  private static func json(_ comparison: CloneComparison) throws -> JSONValue {
    try JSONDecoder().decode(JSONValue.self, from: SnapshotJSON.line(comparison))
  }

  @Test func whatWasWrittenIsRead() throws {
    for comparison in Self.samples {
      let line = try SnapshotJSON.line(comparison)
      #expect(try JSONDecoder().decode(CloneComparison.self, from: line) == comparison)
    }
  }

  @Test func theSchemaFitsWhatIsWritten() throws {
    let checker = try SchemaChecker("cloneprof-compare-1")
    for comparison in Self.samples {
      #expect(checker.faults(of: try Self.json(comparison)) == [])
    }
  }

  /// Every field is required unless it may be absent, none may be added, and words are those there are.
  @Test func theSchemaIsAsNarrowAsTheForm() throws {
    let checker = try SchemaChecker("cloneprof-compare-1")
    let optional: Set = [
      "phases", "phase", "baseline", "compared", "change", "factor", "noise", "low", "high",
    ]
    let schemas = try #require(checker.root["$defs"])
    let places =
      [("run", schemas["run"]), ("figure", schemas["figure"])]
      + ["estimate", "account", "host", "filter"].map { ($0, schemas[$0]) }
      + [("kinds", schemas["run"]?["properties"]?["kinds"]), ("whole", checker.root)]
    for (name, schema) in places {
      let schema = try #require(schema)
      #expect(schema["additionalProperties"] == .bool(false), "\(name)")
      let required = Set((schema["required"]?.elements ?? []).map(Self.text))
      let all = try #require(schema["properties"]?.keys)
      let lacking = all.subtracting(required)
      #expect(lacking.isSubset(of: optional), "\(name): \(lacking)")
      #expect(name != "whole" || lacking.isEmpty)
    }
    func words(_ schema: JSONValue?) -> Set<String> {
      Set((schema?["enum"]?.elements ?? []).map(Self.text))
    }
    let figure = schemas["figure"]?["properties"]
    #expect(words(figure?["figure"]) == Set(ComparedFigure.Kind.allCases.map(\.rawValue)))
    #expect(words(figure?["noise"]) == Set(Noise.allCases.map(\.rawValue)))
    #expect(
      words(schemas["phase"])
        == Set(ClonePhase.allCases.map(\.rawValue)).subtracting(["vfork_wait"]))
    #expect(
      words(schemas["run"]?["properties"]?["phases"])
        == Set(ComparedRun.Means.allCases.map(\.rawValue)))
    let whole = checker.root["properties"]
    #expect(words(whole?["cautions"]?["items"]) == Set(Caution.allCases.map(\.rawValue)))
    #expect(words(whole?["outcome"]) == Set(CloneComparison.Outcome.allCases.map(\.rawValue)))
  }

  /// Every key and every word has its place in `docs/cloneprof.md`.
  @Test func everyFieldIsDocumented() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/cloneprof.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    let section = try #require(text.firstRange(of: "## How compare works"))
    let own = text[section.lowerBound...]
    var words = Self.samples.reduce(into: Set<String>()) { words, comparison in
      if let json = try? Self.json(comparison) { Self.collect(json, into: &words) }
    }
    // Those of a snapshot's own parts are documented there.
    words.subtract(["names", "kernels", "cpus", "pids", "comms", "cgroups"])
    #expect(words.isSuperset(of: ["accounts", "vforks", "low", "noise", "share"]))
    words.formUnion(ComparedFigure.Kind.allCases.map(\.rawValue))
    words.formUnion(Noise.allCases.map(\.rawValue))
    words.formUnion(Caution.allCases.map(\.rawValue))
    words.formUnion(CloneComparison.Outcome.allCases.map(\.rawValue))
    words.formUnion(ComparedRun.Means.allCases.map(\.rawValue))
    for word in words {
      #expect(own.contains(try Regex("[`.]\(word)(\\[\\])?[`.]")), "\(word)")
    }
  }

  private static func collect(_ json: JSONValue, into words: inout Set<String>) {
    words.formUnion(json.keys)
    for key in json.keys { collect(json[key] ?? .null, into: &words) }
    for element in json.elements { collect(element, into: &words) }
  }

  private static func text(_ value: JSONValue) -> String {
    if case .string(let text) = value { text } else { "" }
  }
}
