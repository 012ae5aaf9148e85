package import Histograms
package import Reports

/// What became of the children of one parent, or of many.
package struct ChildSum: Sendable, Equatable {
  package var born: UInt64 = 0
  /// Of these, the ones that began with a copy of their parent's memory.
  package var copied: UInt64 = 0
  /// Time of the clones that made them.
  package var cloneNs: UInt64 = 0
  /// Of that, on the CPU.
  package var onCPUNs: UInt64 = 0
  /// Samples of the children, and of the parents' copy-on-write faults.
  package var samples = AfterFork.Samples()
  /// Of the children until their exec, and of the parents; where they are counted.
  package var childFaults = WriteFaults()
  package var parentFaults = WriteFaults()
  /// The most pages that were copied for one fork, by its child and meanwhile by the parent.
  package var mostCopied: UInt64 = 0
  /// Copies for those that called exec at once.
  package var discardedCopies = DiscardedCopies()
  /// How old they were at their first exec.
  package var exec = SparseHistogram()
  /// How old they were at their end, without an exec.
  package var life = SparseHistogram()
  /// Of these, the ones that wrote as if to save their parent's memory.
  package var saved: UInt64 = 0
  /// Bytes that these wrote, as far as the kernel counts it, and of how many it does.
  package var written: UInt64 = 0
  package var counted: UInt64 = 0
  /// Still there at the end; and of these, the ones that are a second old and haven't called exec.
  package var living: UInt64 = 0
  package var lingering: UInt64 = 0
  /// The most that one parent had at a time.
  package var most: UInt64 = 0
  /// Those of which it isn't known whether and when they called exec or ended.
  package var unfollowed: UInt64 = 0

  package init() {}

  /// A child that hasn't called exec after so long is there for something else, ns.
  static let lingers: UInt64 = 1_000_000_000
  /// An exec that comes later isn't all that the child is there for, ns.
  static let soon: UInt64 = 100_000_000

  /// Whether a child that wrote so much may have saved its parent's memory: at least a hundredth of it, as
  /// it may be compressed. Of a small one it is more, since who logs or answers writes some too; a mebibyte
  /// is enough of any. And at most twice of it: who writes more, has that from elsewhere.
  ///
  /// - Parameter memory: of the parent as it cloned, bytes.
  package static func saves(written: UInt64, memory: UInt64) -> Bool {
    written >= min(max(memory / 100, 64 << 10), 1 << 20) && written / 2 <= memory
  }

  /// The rule: of the children of which it is known whether they call exec (they have, or have ended, or
  /// are a second old)
  ///
  /// - nine in ten have called it, half of these within 100 ms: exec at once;
  /// - at most one in ten has called it: serve; or save, where a parent had but one child at a time, and
  ///   nine in ten of those that ended had written what ``saves(written:memory:)`` says. A single child
  ///   that is still there may be either;
  /// - or else they are for something else.
  package var use: ChildUse {
    let known = exec.count &+ life.count &+ lingering
    guard known > 0 else { return .unknown }
    let share = Double(exec.count) / Double(known)
    if share >= 0.9 { return exec.quantile(0.5) ?? .max <= Self.soon ? .execAtOnce : .other }
    guard share <= 0.1 else { return .other }
    if life.count > 0, most <= 1, Double(saved) >= 0.9 * Double(life.count) { return .save }
    return life.count > 0 || most > 1 ? .serve : .unknown
  }

  /// Whether it says nothing of children.
  var hasNoChildren: Bool {
    born == 0 && living == 0 && unfollowed == 0 && exec.count == 0 && life.count == 0
      && childFaults.faults == 0 && parentFaults.faults == 0
  }

  mutating func raiseMost(to count: UInt64) { most = max(most, count) }

  /// Adds those of another parent.
  package mutating func add(_ other: ChildSum) {
    let (living, lingering) = (living, lingering)
    append(other)
    self.living &+= living
    self.lingering &+= lingering
  }

  /// Adds what followed this, of the same parent.
  mutating func append(_ next: ChildSum) {
    born &+= next.born
    copied &+= next.copied
    cloneNs &+= next.cloneNs
    onCPUNs &+= next.onCPUNs
    samples.add(next.samples)
    childFaults.add(next.childFaults)
    parentFaults.add(next.parentFaults)
    mostCopied = max(mostCopied, next.mostCopied)
    discardedCopies.add(next.discardedCopies)
    exec.add(next.exec)
    life.add(next.life)
    saved &+= next.saved
    written &+= next.written
    counted &+= next.counted
    (living, lingering) = (next.living, next.lingering)
    most = max(most, next.most)
    unfollowed &+= next.unfollowed
  }

  package var fates: ChildFatesPart {
    ChildFatesPart(
      born: born, living: living, unfollowed: unfollowed, execAfter: HistogramPart(exec.full),
      lived: HistogramPart(life.full),
      writtenBytes: life.count > 0 && counted == 0 ? nil : written)
  }
}
