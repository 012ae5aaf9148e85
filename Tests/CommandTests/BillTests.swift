import Foundation
import Histograms
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
    // But for those that called exec too late for it: CPUs may be slow.
    let late = try row.fates.execAfter.histogram().buckets.filter { $0.hi > 100_000_000 }
      .reduce(0) { $0 + $1.count }
    #expect((700 - late...700).contains(discarded.count), "\(late) late")
    // As much of the copies' time as of their number, one being like the other.
    let copies = final.phases.filter { [.pageTables, .mappings, .addressSpace].contains($0.phase) }
      .reduce(0) { $0 + Double($1.ns) }
    try #require(copies > 0)
    #expect(abs(Double(discarded.ns) / copies - 0.7) < 0.1, "\(discarded), \(final.phases)")
  }

  enum Writer: String, CaseIterable {
    case child = "0"
    case parent = "1"
    case parentAlone = "2"
  }

  /// Ten forks, and 16 MiB written after each: by the kernel's count of what is private to the writer, and
  /// of its minor faults. A page that nobody else has any more isn't copied.
  @Test(arguments: Writer.allCases)
  func writeFaults(by writer: Writer) throws {
    let (final, told, _) = try scratch.profile(
      "writes", "10", "16384", writer.rawValue, "--seconds", "100", options: ["--faults"])
    let row = try only(final)
    #expect(row.fates.born == 10 && told["writes"] == 10)
    let counted = try #require(row.copyOnWrite)
    let written: UInt64 = 10 * (16 << 20)
    // Besides that memory it is the stack, the heap and the libraries' data.
    let other: UInt64 = 10 * (1 << 20)
    let (writers, others) =
      writer == .child ? (counted.children, counted.parents) : (counted.parents, counted.children)
    #expect((written...written + other).contains(writers.faults * 4096), "\(counted)")
    #expect(others.faults * 4096 < other, "\(counted)")
    let minor = try #require(told["faults"])
    #expect(writers.faults + others.faults <= minor, "\(counted), \(minor)")
    guard writer != .parentAlone else {
      #expect(writers.copiedBytes < other, "\(counted)")
      return #expect(counted.mostBytes < other / 10, "\(counted)")
    }
    #expect((written...written + other).contains(writers.copiedBytes), "\(counted)")
    let dirty = try #require(told["dirty"]) << 10
    #expect(absolute(writers.copiedBytes, dirty) < other, "\(counted), \(dirty)")
    #expect((16 << 20...17 << 20).contains(counted.mostBytes), "\(counted)")
    try check(final.pageCopies, by: writer, copied: writers.copiedBytes)
  }

  /// All of it is written in one mapping, and by one function.
  private func check(_ copies: PageCopiesPart?, by writer: Writer, copied: UInt64) throws {
    let copies = try #require(copies)
    // On each CPU the last ones are without a sample, and the others' pages may give it.
    #expect(absolute(copies.samples << 18, copied) < copied / 10, "\(copies)")
    let mapping = try #require(copies.mappings.first)
    #expect(mapping.by == (writer == .child ? .child : .parent) && mapping.comm == "testload")
    #expect(mapping.range != nil && mapping.copiedBytes > copied / 10 * 8, "\(copies)")
    let stack = try #require(copies.stacks.first)
    #expect(stack.by == mapping.by, "\(copies)")
    // In the lab it is stripped.
    let writing =
      Need.inLab ? stack.frames.first?.hasPrefix("testload+") : stack.frames.contains("load_writes")
    #expect(writing == true && stack.frames.contains("__libc_start_main"), "\(copies)")
    #expect(copies.stacks.reduce(0) { $0 + $1.copiedBytes } <= copies.samples << 18)
  }

  private func absolute(_ one: UInt64, _ two: UInt64) -> UInt64 { max(one, two) - min(one, two) }

  /// What a parent that goes on to live has written, is in each interval.
  @Test func writeFaultsOfTheLiving() throws {
    let (final, _, all) = try scratch.profile(
      "writes", "40", "65536", "1", "--seconds", "100",
      options: ["--faults", "--interval", "200ms"])
    func bytes(_ snapshot: CloneSnapshot) -> UInt64 {
      (snapshot.children ?? []).reduce(0) { $0 + ($1.copyOnWrite?.parents.copiedBytes ?? 0) }
    }
    let intervals = all.dropLast()
    #expect(intervals.filter { bytes($0) > 0 }.count > 2)
    #expect(intervals.reduce(0) { $0 + bytes($1) } == bytes(final))
  }

  /// Also where the run ends within the first interval, and the parent doesn't end with it.
  @Test func writeFaultsOfOneThatLivesOn() throws {
    let load = try Load("writes", "100000", "16384", "1")
    let watch = try scratch.cloneprof([
      "--faults", "--pid", "\(load.pid)", "--duration", "3s", "--interval", "1m",
    ])
    let final = try #require(try scratch.snapshots(of: watch.wait(seconds: 100)).last)
    _ = load.stop()
    let row = try only(final)
    let counted = try #require(row.copyOnWrite)
    // The first and the last fork may be seen in part.
    #expect(row.fates.born > 4 && counted.forks == row.fates.born)
    let each = Double(counted.parents.copiedBytes) / Double(row.fates.born)
    #expect(abs(each / Double(16 << 20) - 1) < 2 / Double(row.fates.born), "\(counted)")
  }
}
