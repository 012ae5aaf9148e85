/// Who writes after a fork.
public enum WriterRole: String, Codable, Sendable, CaseIterable {
  case parent, child
}

/// Pages copied in one mapping, as the parent's /proc/PID/maps has it.
public struct WrittenMappingPart: Codable, Sendable, Equatable {
  public var by: WriterRole
  /// The parent's.
  public var pid: Int
  public var comm: String
  /// Hexadecimal, as in /proc/PID/maps; nil where it isn't known.
  public var range: String?
  /// What /proc/PID/maps calls it, if it does.
  public var name: String?
  /// By the samples, each of which stands for so many pages.
  public var copiedBytes: UInt64

  public init(
    by: WriterRole, pid: Int, comm: String, range: String?, name: String?, copiedBytes: UInt64
  ) {
    (self.by, self.pid, self.comm) = (by, pid, comm)
    (self.range, self.name, self.copiedBytes) = (range, name, copiedBytes)
  }

  enum CodingKeys: String, CodingKey {
    case by, pid, comm, range, name
    case copiedBytes = "copied_bytes"
  }
}

/// A call stack of code whose writes copied pages.
public struct WritingStackPart: Codable, Sendable, Equatable {
  public var by: WriterRole
  /// The parent's name.
  public var comm: String
  /// Innermost first.
  public var frames: [String]
  /// By the samples.
  public var copiedBytes: UInt64

  public init(by: WriterRole, comm: String, frames: [String], copiedBytes: UInt64) {
    (self.by, self.comm, self.frames, self.copiedBytes) = (by, comm, frames, copiedBytes)
  }

  enum CodingKeys: String, CodingKey {
    case by, comm, frames
    case copiedBytes = "copied_bytes"
  }

  package func isSame(as other: Self) -> Bool {
    (by, comm, frames) == (other.by, other.comm, other.frames)
  }
}

/// Where pages were copied after forks, and by whose writes, from a sample of one page in so many.
public struct PageCopiesPart: Codable, Sendable, Equatable {
  public var samples: UInt64
  /// In which most was copied.
  public var mappings: [WrittenMappingPart]
  /// Whose writes copied most.
  public var stacks: [WritingStackPart]

  public init(samples: UInt64, mappings: [WrittenMappingPart], stacks: [WritingStackPart]) {
    (self.samples, self.mappings, self.stacks) = (samples, mappings, stacks)
  }
}

// MARK: - Order

extension WrittenMappingPart {
  /// By more than the bytes, for the order of merging not to matter.
  package static func precedes(_ one: Self, _ two: Self) -> Bool {
    if one.copiedBytes != two.copiedBytes { return one.copiedBytes > two.copiedBytes }
    return (one.pid, one.comm, one.range ?? "", one.by.rawValue)
      < (two.pid, two.comm, two.range ?? "", two.by.rawValue)
  }
}

extension WritingStackPart {
  package static func precedes(_ one: Self, _ two: Self) -> Bool {
    if one.copiedBytes != two.copiedBytes { return one.copiedBytes > two.copiedBytes }
    if (one.comm, one.by.rawValue) != (two.comm, two.by.rawValue) {
      return (one.comm, one.by.rawValue) < (two.comm, two.by.rawValue)
    }
    return one.frames.lexicographicallyPrecedes(two.frames)
  }
}

// MARK: - Merge

extension PageCopiesPart {
  static func sum(_ one: Self?, _ two: Self?) throws(MergeError) -> Self? {
    guard let one, let two else { return one ?? two }
    let mappings = try one.mappings.joined(
      with: two.mappings,
      same: { ($0.by, $0.pid, $0.comm, $0.range) == ($1.by, $1.pid, $1.comm, $1.range) }
    ) { one, two throws(MergeError) in
      var sum = one
      sum.name = one.name ?? two.name
      sum.copiedBytes = try one.copiedBytes.adding(two.copiedBytes)
      return sum
    }
    let stacks = try one.stacks.joined(with: two.stacks, same: { $0.isSame(as: $1) }) {
      one, two throws(MergeError) in
      var sum = one
      sum.copiedBytes = try one.copiedBytes.adding(two.copiedBytes)
      return sum
    }
    return PageCopiesPart(
      samples: try one.samples.adding(two.samples),
      mappings: Array(mappings.sorted(by: WrittenMappingPart.precedes).prefix(10)),
      stacks: Array(stacks.sorted(by: WritingStackPart.precedes).prefix(10)))
  }
}
