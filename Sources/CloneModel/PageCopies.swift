import Records
package import Reports
import Tasks

/// A write fault after a fork has copied a page: one of so many such faults.
struct PageCopyRecord: Sendable {
  let thread: UInt32
  let process: UInt32
  /// Whether it is the parent.
  let isOfParent: Bool
  /// Of a child: when the clone that made it began.
  let begin: UInt64
  /// The time of the thread's stack, where it was taken.
  let stack: UInt64
  let address: UInt64
  /// The parent's process: of a parent the same.
  let tgid: UInt32

  /// - Precondition: the record is a `sonde_page_copy`.
  init(_ bytes: RawSpan) {
    let record = unsafe bytes.unsafeLoad(as: sonde_page_copy.self)
    (thread, process, tgid) = (record.header.tid, record.process, record.tgid)
    isOfParent = UInt32(record.header.flags) & UInt32(SONDE_WRITE_FAULTS_PARENT) != 0
    (begin, stack, address) = (record.begin, record.stack, record.address)
  }
}

/// The pages that were copied after forks, as far as they were recorded: in which mappings they are, and
/// from where they were written.
package struct PageCopies: Sendable, Equatable {
  package struct Writer: Hashable, Sendable {
    package var parent: CloneInterval.ParentKey
    /// Or it is one of the children.
    package var isParent: Bool

    package init(_ parent: CloneInterval.ParentKey, isParent: Bool) {
      (self.parent, self.isParent) = (parent, isParent)
    }
  }

  package struct Place: Hashable, Sendable {
    package var writer: Writer
    /// Any in the mapping, and its start once that is known; 0 where it never will be.
    package var address: UInt64
  }

  package struct Caller: Hashable, Sendable {
    package var writer: Writer
    package var stack: UserStack

    package init(writer: Writer, stack: UserStack) { (self.writer, self.stack) = (writer, stack) }
  }

  package private(set) var places: [Place: UInt64] = [:]
  package private(set) var callers: [Caller: UInt64] = [:]
  /// Since the writer's last stack, which is not taken each time: they count for the next one.
  private var withoutStack: [Writer: UInt64] = [:]

  package init() {}

  package var isEmpty: Bool { places.isEmpty }

  package mutating func add(_ writer: Writer, address: UInt64, stack: UserStack?) {
    places[Place(writer: writer, address: address), default: 0] += 1
    withoutStack[writer, default: 0] += 1
    guard let stack else { return }
    callers[Caller(writer: writer, stack: stack), default: 0] += withoutStack[writer]!
    withoutStack[writer] = nil
  }

  /// - Parameter key: of a parent; its children have its mappings.
  func hold(_ key: CloneInterval.StackKey) -> Bool {
    callers.keys.contains { $0.writer.parent.tgid == key.tgid && $0.stack == key.stack }
  }

  /// Adds what followed this.
  package mutating func append(_ next: Self) {
    places.merge(next.places, uniquingKeysWith: &+)
    callers.merge(next.callers, uniquingKeysWith: &+)
    withoutStack.merge(next.withoutStack, uniquingKeysWith: &+)
  }

  /// Makes of addresses the starts of their mappings, as far as these are known.
  mutating func place(_ names: CloneNames) {
    var placed: [Place: UInt64] = [:]
    for (place, count) in places {
      var known = place
      if let range = names.writtenMapping(place.address, of: place.writer.parent.tgid) {
        known.address = range.start
      }
      placed[known, default: 0] &+= count
    }
    places = placed
  }

  /// Those whose mapping isn't known become one.
  mutating func forgetUnknown(_ names: CloneNames) {
    for (place, count) in places
    where names.writtenMapping(place.address, of: place.writer.parent.tgid) == nil {
      places[place] = nil
      places[Place(writer: place.writer, address: 0), default: 0] &+= count
    }
  }

  /// Memory stays bounded over any number of processes: what is rare loses its place or stack.
  package mutating func bound(to limit: Int = 2048) {
    if places.count > 2 * limit {
      for (place, count) in places.sorted(by: { $0.value > $1.value }).dropFirst(limit) {
        places[place] = nil
        places[Place(writer: place.writer, address: 0), default: 0] &+= count
      }
    }
    if callers.count > 2 * limit {
      let kept = callers.sorted { $0.value > $1.value }.prefix(limit)
      callers = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
    if places.count > 4 * limit || withoutStack.count > 4 * limit { self = Self() }
  }
}

/// A mapping of a process, as /proc/PID/maps has it.
public struct MappedRange: Codable, Sendable, Equatable {
  public var start: UInt64
  public var end: UInt64
  public var name: String

  public init(start: UInt64, end: UInt64, name: String) {
    (self.start, self.end, self.name) = (start, end, name)
  }
}

/// The mappings in which pages were copied, of those who were asked.
struct WrittenMappings: Sendable {
  private var ranges: [UInt32: [MappedRange]] = [:]
  private static let mostProcesses = 256
  private static let mostRanges = 4096

  func holding(_ address: UInt64, of tgid: UInt32) -> MappedRange? {
    ranges[tgid]?.last { $0.start <= address }.flatMap { address < $0.end ? $0 : nil }
  }

  /// What it overlaps was there before.
  mutating func add(_ range: MappedRange, of tgid: UInt32) {
    if ranges.count >= Self.mostProcesses, ranges[tgid] == nil { ranges = [:] }
    var all = ranges[tgid, default: []]
    all.removeAll { $0.start < range.end && range.start < $0.end }
    if all.count >= Self.mostRanges { all = [] }
    all.insert(range, at: all.firstIndex { $0.start > range.start } ?? all.endIndex)
    ranges[tgid] = all
  }
}

private let mappingCount = 10
private let stackCount = 10

/// Nil where there are none.
package func pageCopiesPart(_ copies: PageCopies, pageSize: UInt64, names: CloneNames)
  -> PageCopiesPart?
{
  guard !copies.isEmpty else { return nil }
  let unit = UInt64(SONDE_PAGE_COPY_PERIOD) &* pageSize
  var placed = copies
  placed.place(names)
  placed.forgetUnknown(names)
  let mappings = placed.places.map { place, count in
    let range = names.writtenMapping(place.address, of: place.writer.parent.tgid)
    return WrittenMappingPart(
      by: place.writer.by, pid: Int(place.writer.parent.tgid),
      comm: place.writer.parent.comm.text,
      range: range.map { String($0.start, radix: 16) + "-" + String($0.end, radix: 16) },
      name: range.flatMap { $0.name.isEmpty ? nil : $0.name }, copiedBytes: count &* unit)
  }
  var stacks: [WritingStackPart] = []
  for (caller, count) in copies.callers {
    guard let frames = names.frames(.init(tgid: caller.writer.parent.tgid, stack: caller.stack))
    else { continue }
    let part = WritingStackPart(
      by: caller.writer.by, comm: caller.writer.parent.comm.text, frames: frames,
      copiedBytes: count &* unit)
    // The same of many processes become one.
    if let same = stacks.firstIndex(where: { $0.isSame(as: part) }) {
      stacks[same].copiedBytes &+= part.copiedBytes
    } else {
      stacks.append(part)
    }
  }
  return PageCopiesPart(
    samples: copies.places.values.reduce(0, &+),
    mappings: Array(mappings.sorted(by: WrittenMappingPart.precedes).prefix(mappingCount)),
    stacks: Array(stacks.sorted(by: WritingStackPart.precedes).prefix(stackCount)))
}

extension PageCopies.Writer {
  fileprivate var by: WriterRole { isParent ? .parent : .child }
}
