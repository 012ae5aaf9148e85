import Records
package import Reports
import Tasks

/// A page that a write fault after a fork has copied: one in so many.
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

  /// Of all that were recorded.
  package private(set) var samples: UInt64 = 0
  package private(set) var places: [Place: UInt64] = [:]
  package private(set) var callers: [Caller: UInt64] = [:]
  /// Since a thread's last stack, which is not taken each time: they count for its next one.
  private var withoutStack: [Thread: UInt64] = [:]

  private struct Thread: Hashable, Sendable {
    var writer: Writer
    var tid: UInt32
  }

  package init() {}

  package var isEmpty: Bool { samples == 0 }

  package mutating func add(
    _ writer: Writer, thread tid: UInt32, address: UInt64, stack: UserStack?
  ) {
    samples += 1
    places[Place(writer: writer, address: address), default: 0] += 1
    let thread = Thread(writer: writer, tid: tid)
    withoutStack[thread, default: 0] += 1
    if let stack {
      callers[Caller(writer: writer, stack: stack), default: 0] += withoutStack[thread]!
      withoutStack[thread] = nil
    }
    bound()
  }

  /// The stacks, by the parents: their children have the same mappings.
  var stackKeys: Set<CloneInterval.StackKey> {
    Set(callers.keys.map { .init(tgid: $0.writer.parent.tgid, stack: $0.stack) })
  }

  /// Adds what followed this.
  package mutating func append(_ next: Self) {
    samples &+= next.samples
    places.merge(next.places, uniquingKeysWith: &+)
    callers.merge(next.callers, uniquingKeysWith: &+)
    bound()
  }

  /// Replaces addresses by the starts of their mappings, where these are known.
  mutating func place(_ names: CloneNames) {
    for (place, count) in places {
      let tgid = place.writer.parent.tgid
      guard let range = names.writtenMapping(place.address, of: tgid),
        range.start != place.address
      else { continue }
      places[place] = nil
      places[Place(writer: place.writer, address: range.start), default: 0] &+= count
    }
  }

  /// Merges each writer's places whose mapping isn't known.
  mutating func mergeUnknown(_ names: CloneNames) {
    for (place, count) in places where place.address != 0 {
      guard names.writtenMapping(place.address, of: place.writer.parent.tgid) == nil else {
        continue
      }
      forgetPlace(place, count)
    }
  }

  private mutating func forgetPlace(_ place: Place, _ count: UInt64) {
    places[place] = nil
    places[Place(writer: place.writer, address: 0), default: 0] &+= count
  }

  /// Memory stays bounded over any number of processes: what is rare loses its place or stack.
  package mutating func bound(to limit: Int = 2048) {
    if places.count > 2 * limit {
      for (place, count) in places.sorted(by: { $0.value > $1.value }).dropFirst(limit)
      where place.address != 0 {
        forgetPlace(place, count)
      }
      if places.count > limit + limit / 2 { places = Self.largest(places, limit) }
    }
    if callers.count > 2 * limit { callers = Self.largest(callers, limit) }
    if withoutStack.count > 2 * limit { withoutStack = [:] }
  }

  private static func largest<Key>(_ counts: [Key: UInt64], _ limit: Int) -> [Key: UInt64] {
    Dictionary(
      uniqueKeysWithValues: counts.sorted { $0.value > $1.value }.prefix(limit)
        .map { ($0.key, $0.value) })
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

/// The mappings in which pages were copied, by process, as far as they were looked up.
struct WrittenMappings: Sendable {
  private var ranges: [UInt32: [MappedRange]] = [:]
  /// Whose they are, the first that was looked up first.
  private var order: [UInt32] = []
  private static let mostProcesses = 256
  private static let mostRanges = 4096

  func holding(_ address: UInt64, of tgid: UInt32) -> MappedRange? {
    guard let all = ranges[tgid] else { return nil }
    let next = Self.index(after: address, all)
    guard next > 0, address < all[next - 1].end else { return nil }
    return all[next - 1]
  }

  /// Of the first that starts beyond an address.
  private static func index(after address: UInt64, _ all: [MappedRange]) -> Int {
    var (low, high) = (0, all.count)
    while low < high {
      let middle = (low + high) / 2
      if all[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// What it overlaps was there before.
  mutating func add(_ range: MappedRange, of tgid: UInt32) {
    if ranges[tgid] == nil {
      if order.count >= Self.mostProcesses { ranges[order.removeFirst()] = nil }
      order.append(tgid)
    }
    var all = ranges[tgid, default: []]
    all.removeAll { $0.start < range.end && range.start < $0.end }
    if all.count >= Self.mostRanges { all = [] }
    all.insert(range, at: Self.index(after: range.start, all))
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
  placed.mergeUnknown(names)
  let mappings = placed.places.map { place, count in
    let range = names.writtenMapping(place.address, of: place.writer.parent.tgid)
    return WrittenMappingPart(
      by: place.writer.by, pid: Int(place.writer.parent.tgid),
      comm: place.writer.parent.comm.text,
      range: range.map { String($0.start, radix: 16) + "-" + String($0.end, radix: 16) },
      name: range.flatMap { $0.name.isEmpty ? nil : $0.name }, copiedBytes: count &* unit)
  }
  struct Writing: Hashable {
    var by: WriterRole
    var comm: Comm
    var frames: [String]
  }
  // The same of many processes become one.
  var sums: [Writing: UInt64] = [:]
  for (caller, count) in copies.callers {
    let parent = caller.writer.parent
    guard let frames = names.frames(.init(tgid: parent.tgid, stack: caller.stack)) else { continue }
    sums[Writing(by: caller.writer.by, comm: parent.comm, frames: frames), default: 0] &+= count
  }
  let stacks = sums.map { writing, count in
    WritingStackPart(
      by: writing.by, comm: writing.comm.text, frames: writing.frames, copiedBytes: count &* unit)
  }
  return PageCopiesPart(
    samples: copies.samples,
    mappings: Array(mappings.sorted(by: WrittenMappingPart.precedes).prefix(mappingCount)),
    stacks: Array(stacks.sorted(by: WritingStackPart.precedes).prefix(stackCount)))
}

extension PageCopies.Writer {
  fileprivate var by: WriterRole { isParent ? .parent : .child }
}
