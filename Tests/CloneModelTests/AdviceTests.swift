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

  /// One process whose clones take all of the time.
  private func advised(
    _ use: (inout ChildSum) -> Void, copied: UInt64 = 43, stacks: [StackPart] = [],
    mapping: Bool = false
  ) -> [AdvicePart] {
    var interval = CloneInterval(start: 0, end: 1)
    for _ in 0..<43 { interval.clone.record(10_000_000) }
    for _ in 0..<43 { interval.pageTableCopy.record(9_000_000) }
    interval.large.count = 43
    if mapping {
      interval.mappings[.init(tgid: 7, start: 1, end: 9)] = .init(
        comm: Comm("httpd"), kind: .anonymous, count: 43, ns: 300_000_000)
    }
    var sum = ChildSum()
    (sum.born, sum.copied, sum.cloneNs, sum.most) = (43, copied, 430_000_000, 1)
    use(&sum)
    interval.parents[.init(tgid: 7, comm: Comm("httpd"))] = sum
    let phases = [
      PhasePart(phase: .pageTables, ns: 9_000_000 * 43, share: 0.9, count: 43, how: .measured)
    ]
    let tables = PageTablesPart(
      bytes: 1, entries: 1, residentBytes: 1, hugetlbBytes: 0, nsPerEntry: nil, msPerGiB: nil,
      gbPerS: nil, grade: nil)
    return advice(interval, calls: CallsPart(), phases: phases, tables: tables, stacks: stacks) {
      _ in nil
    }
  }

  private func execs(_ sum: inout ChildSum) { for _ in 0..<43 { sum.exec.record(400_000) } }
  private func serves(_ sum: inout ChildSum) {
    (sum.lingering, sum.living, sum.most) = (43, 43, 43)
  }
  private func saves(_ sum: inout ChildSum) {
    for _ in 0..<43 { sum.life.record(2_000_000_000) }
    sum.saved = 43
  }

  @Test func spawningWhereChildrenExecAtOnce() throws {
    let stack = StackPart(
      comm: "httpd", frames: ["_Fork", "libc.so.6+0x12", "__libc_fork", "apr_proc_create", "main"],
      count: 43, ns: 430_000_000, use: .execAtOnce)
    let part = try #require(advised(execs, stacks: [stack]).first { $0.kind == .spawn })
    #expect(part.text.contains("httpd") && part.text.contains("in apr_proc_create() "))
    #expect(part.evidence.first == "43 of 43 children called exec after 0.40 ms (median)")
    // A function that only the stack of others has is not named.
    let other = StackPart(comm: "httpd", frames: ["serve"], count: 1, ns: 1, use: .serve)
    #expect(try #require(advised(execs, stacks: [other]).first).text.contains("vfork(2) instead"))
    for use in [serves, saves, { _ in }] {
      #expect(!advised(use, stacks: [stack]).contains { $0.kind == .spawn })
    }
    // Who uses it already copies nothing.
    #expect(!advised(execs, copied: 0).contains { $0.kind == .spawn })
  }

  @Test func memoryThatChildrenNeed() {
    #expect(advised(execs, mapping: true).contains { $0.kind == .dontFork })
    #expect(advised({ _ in }, mapping: true).contains { $0.kind == .dontFork })
    #expect(!advised(serves, mapping: true).contains { $0.kind == .dontFork })
    #expect(!advised(saves, mapping: true).contains { $0.kind == .dontFork })
  }

  /// Each kind stands in the schema, and no other.
  @Test func theSchemaKnowsAllKinds() throws {
    let known = try SchemaDefinitions.read().advice.properties.kind.enum
    #expect(known.sorted() == AdvicePart.Kind.allCases.map(\.rawValue).sorted())
  }
}

/// What `docs/cloneprof-2.schema.json` has of the words that a report uses.
struct SchemaDefinitions: Decodable {
  struct Words: Decodable { let `enum`: [String] }
  struct Advice: Decodable { let properties: Properties }
  struct Properties: Decodable { let kind: Words }
  let advice: Advice
  let use: Words

  static func read() throws -> SchemaDefinitions {
    struct Schema: Decodable {
      let definitions: SchemaDefinitions
      enum CodingKeys: String, CodingKey { case definitions = "$defs" }
    }
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = package.appending(path: "docs/cloneprof-2.schema.json")
    return try JSONDecoder().decode(Schema.self, from: Data(contentsOf: file)).definitions
  }
}
