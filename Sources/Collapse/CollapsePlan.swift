package import Proc
package import Reports

/// What of a process is to become huge, and why the rest is not.
package struct CollapsePlan {
  package struct Target {
    package let mapping: MemoryMapping
    /// Where huge pages are to be, each by its first address.
    package let places: [UInt64]
    /// Pages of 4 KiB in these that are not there: a collapse fills them with zeroes.
    package let holes: UInt64
    package let reason: String?
  }

  package static let size: UInt64 = 2 << 20
  /// A huge page is worth its memory where at least half of it is in use.
  package static let fewestPages = 256

  package private(set) var targets: [Target] = []

  /// Only mappings that a fork copies, and that hold a huge page's worth.
  ///
  /// - Parameter residency: how many pages are there of each of so many huge pages' places from an
  ///   address on.
  package init<Failure: Error>(
    _ mappings: [MemoryMapping], residency: (UInt64, Int) throws(Failure) -> [Int]
  ) throws(Failure) {
    for mapping in mappings where mapping.anonymous + mapping.swapped >= Self.size {
      if let reason = Self.reasonAgainst(mapping) {
        targets.append(Target(mapping: mapping, places: [], holes: 0, reason: reason))
        continue
      }
      let first = (mapping.start + Self.size - 1) / Self.size * Self.size
      let last = mapping.end / Self.size * Self.size
      guard first < last else {
        targets.append(
          Target(
            mapping: mapping, places: [], holes: 0, reason: "contains no aligned 2 MiB range"))
        continue
      }
      let counts = try residency(first, Int((last - first) / Self.size))
      var places: [UInt64] = []
      var holes: UInt64 = 0
      for (index, count) in counts.enumerated() where count >= Self.fewestPages {
        places.append(first + UInt64(index) * Self.size)
        holes += UInt64(512 - count)
      }
      targets.append(
        Target(
          mapping: mapping, places: places, holes: holes,
          reason: places.isEmpty ? "less than half of any 2 MiB is in use" : nil))
    }
  }

  /// thp_vma_allowable_order() in mm/huge_memory.c, as far as smaps shows it; what a fork doesn't copy
  /// needs no cure.
  private static func reasonAgainst(_ mapping: MemoryMapping) -> String? {
    if mapping.isHugetlb { return "already huge pages (hugetlb)" }
    if mapping.isShared { return "a fork doesn't copy shared memory" }
    if mapping.flags.contains("dc") { return "a fork leaves it out (MADV_DONTFORK)" }
    if mapping.isOfFile { return "written pages of a file mapping can't be collapsed" }
    if mapping.flags.contains("nh") { return "the program wants small pages (MADV_NOHUGEPAGE)" }
    return nil
  }

  package var hugePages: UInt64 { targets.reduce(0) { $0 + UInt64($1.places.count) } }

  /// What is filled with zeroes, bytes.
  package var filled: UInt64 { targets.reduce(0) { $0 + $1.holes * 4096 } }

  /// What it takes in memory at most: that, and what is no longer shared.
  package var growth: UInt64 {
    targets.reduce(0) { sum, target in
      let mapping = target.mapping
      guard mapping.resident > 0 else { return sum + target.holes * 4096 }
      let share = Double(mapping.shared) / Double(mapping.resident)
      let covered = UInt64(target.places.count) * Self.size - target.holes * 4096
      let new = covered - min(covered, mapping.anonymousHuge)
      return sum + target.holes * 4096 + UInt64(Double(new) * share)
    }
  }

  /// What a fork copies of these mappings, as they are.
  package static func copied(_ mappings: [MemoryMapping]) -> Calibration.Copied {
    var copied = Calibration.Copied(mappings: UInt64(mappings.count))
    for mapping in mappings {
      if mapping.isHugetlb, !mapping.isShared {
        copied.hugetlbEntries += mapping.hugetlb / max(1, mapping.pageSize)
      } else if mapping.isCopied {
        copied.entries +=
          (mapping.anonymous - min(mapping.anonymous, mapping.anonymousHuge)
            + mapping.swapped) / 4096
        copied.hugeEntries += mapping.anonymousHuge / size
      }
    }
    return copied
  }

  /// And once all of the plan is done.
  package func copiedAfter(_ mappings: [MemoryMapping]) -> Calibration.Copied {
    var copied = Self.copied(mappings)
    for target in targets where !target.places.isEmpty {
      let places = UInt64(target.places.count)
      let covered = places * 512 - target.holes
      let huge = target.mapping.anonymousHuge / Self.size
      copied.hugeEntries += places - min(places, huge)
      copied.entries -= min(copied.entries, covered - min(covered, huge * 512))
    }
    return copied
  }
}
