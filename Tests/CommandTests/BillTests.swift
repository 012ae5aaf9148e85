import Foundation
import Reports
import Support
import Testing

/// What forks cost in all: against what the kernel charges the processes.
@Suite(.serialized)
struct BillTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func only(_ snapshot: CloneSnapshot) throws -> ChildrenPart {
    let rows = try #require(snapshot.children)
    #expect(rows.count == 1, "\(rows)")
    return try #require(rows.first)
  }

  private func bill(_ part: ChildrenPart) throws -> [BillItem: BillItemPart] {
    let items = try #require(part.bill)
    return Dictionary(uniqueKeysWithValues: items.map { ($0.item, $0) })
  }

  /// The parent does little but fork: all that both are charged for comes of the forks.
  @Test func isWhatTheProcessesAreCharged() throws {
    let (final, told, _) = try scratch.profile("bills", "100000", "65536", "--seconds", "8")
    let row = try only(final)
    #expect(row.fates.born == told["bills"])
    let charged = Double(try #require(told["charged"]))
    let items = try #require(row.bill)
    #expect(items == final.bill)
    let sum = items.reduce(0) { $0 + Double($1.ns) }
    #expect(abs(sum - charged) < 0.1 * charged, "\(sum / charged): \(items)")
    // Each page is copied once by the child, and taken down with it.
    let bill = try bill(row)
    let copies = try #require(bill[.copyOnWrite])
    #expect(Double(copies.ns) > 0.2 * charged, "\(items)")
    let teardown = (bill[.teardown]?.ns ?? 0) + (bill[.reverseMapping]?.ns ?? 0)
    #expect(Double(teardown) > 0.02 * charged, "\(items)")
    #expect(bill[.clone]?.count == row.fates.born && bill[.clone]?.how == .measured)
    #expect(bill[.parentCopyOnWrite] == nil || bill[.parentCopyOnWrite]!.ns < copies.ns / 10)
  }

  @Test func whereTheParentWrites() throws {
    let (final, told, _) = try scratch.profile("bills", "100000", "65536", "1", "--seconds", "4")
    let bill = try bill(try only(final))
    let charged = Double(try #require(told["charged"]))
    let copies = try #require(bill[.parentCopyOnWrite])
    #expect(Double(copies.ns) > 0.2 * charged && Double(copies.ns) < charged, "\(bill)")
    #expect((bill[.copyOnWrite]?.ns ?? 0) < copies.ns / 10, "\(bill)")
  }

  /// Of 1,000 forks 700 copy for nothing.
  @Test func discardedCopies() throws {
    let (final, told, _) = try scratch.profile("spawns", "1000", "700", "--seconds", "100")
    #expect(told["spawns"] == 1000)
    let row = try only(final)
    #expect(row.fates.born == 1000 && row.fates.execAfter.count == 700)
    let discarded = try #require(row.discardedCopies)
    #expect(discarded.count == 700)
    // As much of the copies' time as of their number, one being like the other.
    let copies = final.phases.filter { [.pageTables, .mappings, .addressSpace].contains($0.phase) }
      .reduce(0) { $0 + Double($1.ns) }
    try #require(copies > 0)
    #expect(abs(Double(discarded.ns) / copies - 0.7) < 0.1, "\(discarded), \(final.phases)")
  }
}
