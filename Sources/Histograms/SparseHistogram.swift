/// The same as a ``Histogram``, for where there are many that hold little: it takes 16 bytes for each
/// bucket that holds something.
package struct SparseHistogram: Sendable, Equatable {
  private struct Entry: Sendable, Equatable {
    var index: UInt32
    var count: UInt64
  }

  /// By index.
  private var entries: [Entry] = []
  package private(set) var count: UInt64 = 0
  /// `UInt64.max` if it is that or more.
  package private(set) var sum: UInt64 = 0
  private var lowest = UInt64.max
  private var highest: UInt64 = 0

  package init() {}

  package mutating func record(_ value: UInt64) {
    add(1, at: UInt32(truncatingIfNeeded: Histogram.index(of: value)))
    count &+= 1
    sum = sum.saturatingAdding(value)
    lowest = min(lowest, value)
    highest = max(highest, value)
  }

  /// Adds what `other` holds, as if all of it had been recorded here.
  package mutating func add(_ other: SparseHistogram) {
    for entry in other.entries { add(entry.count, at: entry.index) }
    count &+= other.count
    sum = sum.saturatingAdding(other.sum)
    lowest = min(lowest, other.lowest)
    highest = max(highest, other.highest)
  }

  private mutating func add(_ count: UInt64, at index: UInt32) {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].index < index { low = middle + 1 } else { high = middle }
    }
    if low < entries.count, entries[low].index == index {
      entries[low].count &+= count
    } else {
      entries.insert(Entry(index: index, count: count), at: low)
    }
  }

  package var full: Histogram {
    var full = Histogram()
    guard count > 0 else { return full }
    for entry in entries { full.counts[Int(entry.index)] = entry.count }
    (full.total, full.saturatingSum) = (count, sum)
    (full.lowest, full.highest) = (lowest, highest)
    return full
  }

  /// As ``Histogram/quantile(_:)``.
  package func quantile(_ q: Double) -> UInt64? { full.quantile(q) }
}
