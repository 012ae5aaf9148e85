import CloneModel
import Records
import Reports
import Support
import Tasks
import Testing

/// Which pages were copied after forks, and by whose writes, without a kernel.
struct PageCopyTests {
  private let parent = CloneInterval.ParentKey(tgid: 7, comm: Comm("a"))

  private func copy(
    _ process: UInt32, of begin: UInt64, at address: UInt64, stack: UInt64 = 0, flags: Int32 = 0
  ) -> sonde_page_copy {
    var record = sonde_page_copy()
    record.header.kind = UInt8(SONDE_KIND_PAGE_COPY.rawValue)
    record.header.tid = process
    record.header.flags = UInt8(flags)
    (record.process, record.begin, record.address) = (process, begin, address)
    (record.stack, record.tgid) = (stack, 7)
    return record
  }

  private func stack(_ thread: UInt32, at time: UInt64, _ frames: [UInt64]) -> sonde_stack {
    var record = sonde_stack()
    record.header.kind = UInt8(SONDE_KIND_STACK.rawValue)
    (record.header.tid, record.header.time) = (thread, time)
    record.header.aux = fill(&record.frames, frames)
    return record
  }

  /// In which mappings, and by whose writes: also of a child whose clone's record comes later; not of one
  /// whose clone doesn't count.
  @Test func pageCopies() throws {
    var tracker = CloneTracker(filter: CloneFilter(), start: 100)
    feed(copy(20, of: 1000, at: 0x5000), to: &tracker)
    feed(clone(time: 1000) { $0.child = 20 }, to: &tracker)
    feed(stack(20, at: 1020, [0x10, 0x20]), to: &tracker)
    feed(copy(20, of: 1000, at: 0x6000, stack: 1020), to: &tracker)
    feed(copy(7, of: 0, at: 0x9000, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    feed(copy(8, of: 0, at: 0x9000, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    // Another's child, and one that has the id of a child of before.
    feed(copy(30, of: 1000, at: 0x5000), to: &tracker)
    feed(copy(20, of: 900, at: 0x5000), to: &tracker)
    var names = CloneNames()
    let mapping = MappedRange(start: 0x4000, end: 0x7000, name: "[heap]")
    names.take([
      CloneAnswer(.page(tgid: 7, address: 0x5000), mapping: mapping),
      // A file may say what isn't so.
      CloneAnswer(
        .page(tgid: 7, address: 0x9000), mapping: MappedRange(start: 0, end: 0x9000, name: "")),
    ])
    tracker.placePageCopies(names)
    let part = try #require(
      pageCopiesPart(tracker.close(at: 2000).pageCopies, pageSize: 4096, names: names))
    #expect(part.samples == 3 && part.stacks.isEmpty)
    #expect(part.mappings.map(\.copiedBytes) == [2 << 18, 1 << 18])
    #expect(part.mappings.map(\.by) == [.child, .parent])
    #expect(part.mappings.map(\.name) == ["[heap]", nil])
    #expect(part.mappings.map(\.range) == ["4000-7000", nil])
  }

  /// A stack stands for the copies since the writer's last one.
  @Test func stacksOfPageCopies() {
    let (one, two) = (
      PageCopies.Writer(parent, isParent: true), PageCopies.Writer(parent, isParent: false)
    )
    var copies = PageCopies()
    copies.add(one, thread: 7, address: 0x1000, stack: nil)
    copies.add(two, thread: 8, address: 0x1000, stack: UserStack([1]))
    copies.add(one, thread: 7, address: 0x2000, stack: UserStack([1]))
    var next = PageCopies()
    next.add(one, thread: 7, address: 0x2000, stack: UserStack([2]))
    next.add(one, thread: 7, address: 0x2000, stack: nil)
    copies.append(next)
    #expect(copies.callers[.init(writer: one, stack: UserStack([1]))] == 2)
    #expect(copies.callers[.init(writer: two, stack: UserStack([1]))] == 1)
    #expect(copies.callers[.init(writer: one, stack: UserStack([2]))] == 1)
    #expect(copies.samples == 5 && copies.places.values.reduce(0, +) == 5)
  }

  @Test func manyPageCopies() {
    var copies = PageCopies()
    for page: UInt64 in 1...100 {
      copies.add(
        .init(parent, isParent: true), thread: 7, address: page << 12, stack: UserStack([page]))
    }
    for _ in 0..<2 {
      copies.bound(to: 10)
      #expect(copies.places.count == 11 && copies.callers.count == 10)
      #expect(copies.places.values.reduce(0, +) == 100)
    }
    // Also where each is another's.
    for pid: UInt32 in 0..<100 {
      let parent = CloneInterval.ParentKey(tgid: pid, comm: Comm("b"))
      copies.add(.init(parent, isParent: true), thread: 7, address: 1, stack: nil)
    }
    copies.bound(to: 10)
    #expect(copies.places.count <= 15 && copies.samples == 200)
  }
}
