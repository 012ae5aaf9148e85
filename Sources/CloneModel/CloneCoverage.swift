/// Which parts of a clone are seen, and whether by measuring or by samples.
public struct CloneCoverage: Sendable, Equatable, Codable {
  /// Address-space copies: by dup_mmap() or the bracket around it.
  public var measuresCopies = false
  /// Page tables, per mapping.
  public var measuresMappings = false
  /// Samples of the kernel's stack, where the parts are not measured.
  public var samples = false
  /// The steps that are measured.
  public var steps: [Clone.Step] = []
  /// What becomes of the children; nil in recordings from before that was seen.
  public var children: Bool?
  /// Write faults after a fork; nil in recordings from before they could be counted.
  public var countsFaults: Bool?

  public init() {}
}
