/// Where kernel functions stand that each stand for a part of something: for samples of the kernel's
/// stack.
public struct KernelRanges<Part: Codable & Sendable>: Sendable, Codable {
  private var starts: [UInt64] = []
  private var ends: [UInt64] = []
  private var parts: [Part] = []

  enum CodingKeys: String, CodingKey {
    case starts, ends
    case parts = "phases"
  }

  /// - Parameter ranges: where each of the functions stands in the running kernel; `end` is the first
  ///   address beyond.
  public init(_ ranges: [(start: UInt64, end: UInt64, part: Part)]) {
    for range in ranges.sorted(by: { $0.start < $1.start }) {
      starts.append(range.start)
      ends.append(range.end)
      parts.append(range.part)
    }
  }

  /// Whether it is one, as of what is read from a recording.
  var isConsistent: Bool { starts.count == ends.count && ends.count == parts.count }

  /// The part that a stack of so many frames is in, the innermost of which has the index 0; nil where no
  /// frame is in any.
  func part(frames: Int, _ frame: (Int) -> UInt64) -> Part? {
    for index in 0..<frames {
      if let part = part(at: frame(index)) { return part }
    }
    return nil
  }

  /// The part that an address is in.
  func part(at address: UInt64) -> Part? {
    var (low, high) = (0, starts.count)
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= address { low = middle + 1 } else { high = middle }
    }
    return low > 0 && address < ends[low - 1] ? parts[low - 1] : nil
  }
}
