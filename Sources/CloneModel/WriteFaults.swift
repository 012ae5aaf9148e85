import Records
import Reports

/// Write faults after a fork, in a process that it has made, or in one that has forked.
struct WriteFaultsRecord: Sendable {
  let process: UInt32
  /// Whether it is the parent.
  let isOfParent: Bool
  /// Of a child: when the clone that made it began, and its parent's process; of a parent: when it first
  /// forked since its last exec. CLOCK_MONOTONIC
  let begin: UInt64
  let tgid: UInt32
  /// So far.
  let faults: UInt64
  let copied: UInt64
  /// Of a child at its end: pages that its parent has copied meanwhile.
  let copiedByParent: UInt64

  /// - Precondition: the record is a `sonde_write_faults`.
  init(_ bytes: RawSpan) {
    let record = unsafe bytes.unsafeLoad(as: sonde_write_faults.self)
    process = record.header.tid
    isOfParent = UInt32(record.header.flags) & UInt32(SONDE_WRITE_FAULTS_PARENT) != 0
    (begin, tgid) = (record.begin, record.tgid)
    (faults, copied, copiedByParent) = (record.faults, record.copied, record.parent_copied)
  }
}

/// Write faults on pages that were there, but not to be written.
package struct WriteFaults: Sendable, Equatable {
  package var faults: UInt64 = 0
  /// Of these, the ones that copied a page.
  package var copied: UInt64 = 0

  package init(faults: UInt64 = 0, copied: UInt64 = 0) {
    (self.faults, self.copied) = (faults, copied)
  }

  mutating func add(_ other: Self) {
    faults &+= other.faults
    copied &+= other.copied
  }

  func part(pageSize: UInt64) -> WriteFaultsPart {
    WriteFaultsPart(faults: faults, copiedBytes: copied &* pageSize)
  }
}

/// What is new of figures that grow.
struct WriteFaultsSeen: Sendable {
  private struct Key: Hashable {
    let process: UInt32
    let isOfParent: Bool
    let begin: UInt64
  }

  private var seen: [Key: WriteFaults] = [:]

  /// What has come since the same process was last seen. The two last threads of one may each report its
  /// end, and a file anything.
  mutating func new(_ record: WriteFaultsRecord) -> WriteFaults {
    let key = Key(
      process: record.process, isOfParent: record.isOfParent, begin: record.begin)
    let all = WriteFaults(faults: record.faults, copied: record.copied)
    let before = seen.updateValue(all, forKey: key) ?? .init()
    guard before.faults <= all.faults, before.copied <= all.copied else { return .init() }
    return WriteFaults(faults: all.faults - before.faults, copied: all.copied - before.copied)
  }

  /// Forgets those that aren't there any more.
  mutating func keep(_ isThere: (UInt32) -> Bool) {
    seen = seen.filter { isThere($0.key.process) }
  }

  var count: Int { seen.count }
}

/// Nil where there were none.
func copyOnWritePart(_ sum: ChildSum, pageSize: UInt64, memory: ForkedMemory?) -> CopyOnWritePart? {
  guard sum.childFaults.faults > 0 || sum.parentFaults.faults > 0 else { return nil }
  return CopyOnWritePart(
    forks: sum.copied, children: sum.childFaults.part(pageSize: pageSize),
    parents: sum.parentFaults.part(pageSize: pageSize), mostBytes: sum.mostCopied &* pageSize,
    leftBytes: memory?.left)
}
