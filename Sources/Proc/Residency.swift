import Glibc

/// Which pages of a process are there: `/proc/PID/pagemap` (Documentation/admin-guide/mm/pagemap.rst).
public struct Residency: ~Copyable {
  private let file: Int32
  private let path: String
  private static var entriesAtOnce: Int { 32_768 }
  private var entries: [UInt64]

  /// - Throws: `ProcError`: EACCES without the right to trace the process.
  public init(of pid: Int32) throws(ProcError) {
    path = "/proc/\(pid)/pagemap"
    entries = Array(repeating: 0, count: Self.entriesAtOnce)
    file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw ProcError(path, errno: errno) }
  }

  deinit { close(file) }

  /// How many pages of 4 KiB are resident or swapped, in each `size` bytes from `start` on.
  ///
  /// - Parameters:
  ///   - start: a multiple of the page size, as is `size`.
  ///   - parts: how many such parts to look at.
  public mutating func pages(
    from start: UInt64, each size: UInt64, parts: Int
  ) throws(ProcError) -> [Int] {
    let pages = Int(size / 4096)
    var counts = [Int](repeating: 0, count: parts)
    var done = 0
    while done < parts * pages {
      let wanted = min(Self.entriesAtOnce, parts * pages - done)
      let offset = Int((start / 4096 + UInt64(done)) * 8)
      let count = unsafe pread(file, &entries, wanted * 8, offset)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw ProcError(path, errno: errno) }
      // Nothing of a process that has gone.
      guard count >= 8 else { return counts }
      for index in 0..<(count / 8) where entries[index] >> 62 != 0 {
        // Bit 63: resident; bit 62: swapped.
        counts[(done + index) / pages] += 1
      }
      done += count / 8
    }
    return counts
  }
}
