import CloneModel
import Foundation
import Histograms
import Reports
import Tasks
import Testing

/// What is advised, and what isn't.
struct AdviceTests {
  /// A large fork of which the page tables are nearly all.
  private func kinds(
    nsPerEntry: Double? = 30, mappings: [(Clone.MappingKind, ns: UInt64)] = []
  ) -> [AdvicePart.Kind] {
    var interval = CloneInterval(start: 0, end: 1)
    interval.clone.record(10_000_000)
    interval.pageTableCopy.record(9_000_000)
    interval.large.add(.init(count: 1, ns: 10_000_000, pages: 300_000, tableNs: 9_000_000))
    interval.largeProcesses[1] = interval.large
    for (index, mapping) in mappings.enumerated() {
      interval.mappings[.init(tgid: 1, start: UInt64(index), end: 9)] = .init(
        comm: Comm("a"), kind: mapping.0, count: 1, ns: mapping.ns)
    }
    let phases = [
      PhasePart(phase: .pageTables, ns: 9_000_000, share: 0.9, count: 1, how: .measured)
    ]
    let tables = PageTablesPart(
      bytes: 1, entries: 300_000, residentBytes: 1, hugetlbBytes: 0, nsPerEntry: nsPerEntry,
      msPerGiB: nil, gbPerS: nil, grade: nil)
    return advice(interval, calls: CallsPart(), phases: phases, tables: tables) { _ in nil }
      .map(\.kind)
  }

  @Test func hugePagesWhereThereAreNone() {
    #expect(kinds().contains(.hugePages))
    // As 512 entries of one huge page take.
    #expect(!kinds(nsPerEntry: 3).contains(.hugePages))
    #expect(!kinds(nsPerEntry: nil).contains(.hugePages))
  }

  @Test func onlyWhatChildrenCanDoWithout() {
    #expect(kinds(mappings: [(.anonymous, ns: 5_000_000)]).contains(.dontFork))
    #expect(!kinds(mappings: [(.anonymous, ns: 4_000_000)]).contains(.dontFork))
    for kind in [Clone.MappingKind.heap, .stack] {
      #expect(!kinds(mappings: [(kind, ns: 9_000_000)]).contains(.dontFork))
      #expect(
        kinds(mappings: [(kind, ns: 6_000_000), (.shared, ns: 5_000_000)]).contains(.dontFork))
    }
  }

  /// Each kind stands in the schema, and no other.
  @Test func theSchemaKnowsAllKinds() throws {
    struct Schema: Decodable {
      struct Definitions: Decodable { let advice: Advice }
      struct Advice: Decodable { let properties: Properties }
      struct Properties: Decodable { let kind: Kind }
      struct Kind: Decodable { let `enum`: [String] }
      let definitions: Definitions
      enum CodingKeys: String, CodingKey { case definitions = "$defs" }
    }
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = package.appending(path: "docs/cloneprof-2.schema.json")
    let schema = try JSONDecoder().decode(Schema.self, from: Data(contentsOf: file))
    let known = schema.definitions.advice.properties.kind.enum
    #expect(known.sorted() == AdvicePart.Kind.allCases.map(\.rawValue).sorted())
  }
}
