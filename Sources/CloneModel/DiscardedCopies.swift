/// Clones that copied an address space for a child that threw it away, as it called exec at once.
package struct DiscardedCopies: Sendable, Equatable {
  package var count: UInt64 = 0
  /// Time of the copies, where that is measured.
  package var ns: UInt64 = 0
  /// Time of the whole calls, by ``CloneInterval/strata``.
  package var times = SIMD4<UInt64>()

  package init() {}

  /// - Parameters:
  ///   - cloneNs: of the whole call.
  ///   - copyNs: of the copy; 0 where it isn't measured.
  mutating func add(cloneNs: UInt64, copyNs: UInt64) {
    count += 1
    ns &+= copyNs
    times[CloneInterval.Stratum.index(ns: cloneNs)] &+= cloneNs
  }

  mutating func add(_ other: DiscardedCopies) {
    count &+= other.count
    ns &+= other.ns
    times &+= other.times
  }
}
