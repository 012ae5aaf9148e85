/// What a tool reports of one interval, or of a whole run: one JSON object.
///
/// The properties stand for the fields of that name, which every form has.
public protocol Snapshot: Codable, Sendable {
  /// The name and version of this form.
  static var schemaName: String { get }

  /// The form that the object says it is of.
  var schema: String { get }
  /// True on the object that sums up the run.
  var final: Bool { get set }
  var host: HostPart { get set }
  /// Wall clock, ISO 8601, UTC.
  var start: String { get set }
  var end: String { get set }
  /// The interval's length; after a merge the sum.
  var intervalNs: UInt64 { get set }
  var filter: FilterPart { get set }
  var probes: [ProbePart] { get set }
  var loss: LossPart { get set }
  /// What its figures are, and how they add up.
  static var figures: [Figure<Self>] { get }
  /// Names that conditions may use besides those of the figures.
  static var shortNames: [(name: String, value: @Sendable (Self) -> Double?)] { get }
  /// What a verdict may say, and what this one does; none where there are no verdicts.
  static var verdictCauses: [String] { get }
  var causes: [String] { get }
  /// What `--format folded` writes.
  var foldedStacks: [StackPart] { get }

  /// Numbers from a file may be anything.
  /// - Throws: `MergeError` where they are of another form or contradict each other.
  func check() throws

  /// Adds another host's or another run's snapshot, or the same run's next interval.
  /// - Throws: `MergeError` where the two are not of this form, are not about the same kind of
  ///   tasks, or the sum exceeds 64 bits.
  func merged(with other: Self) throws -> Self
}

extension LoadSnapshot: Snapshot {
  public var foldedStacks: [StackPart] { stacks ?? [] }
}

extension CloneSnapshot: Snapshot {
  public var foldedStacks: [StackPart] { stacks }
}

/// Why snapshots can't be read or added.
public struct MergeError: Error, CustomStringConvertible {
  public let description: String
}
