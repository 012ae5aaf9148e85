/// A model and, where that is kept, what entered it.
public struct Door<M: Model & ~Copyable>: ~Copyable {
  public var model: M
  /// Nil unless the input is kept.
  public private(set) var kept: KeptInput<M.Observation>?

  public init(_ model: consuming M, keepsInput: Bool) {
    self.model = model
    kept = keepsInput ? KeptInput() : nil
  }

  /// Where input is kept. Elsewhere ring records go to the model directly: nothing is between them.
  public mutating func record(_ bytes: RawSpan, cpu: Int) {
    kept?.append(record: bytes, cpu: cpu)
    model.record(bytes, cpu: cpu)
  }

  public mutating func scanned(_ bytes: RawSpan) {
    kept?.append(scanned: bytes)
    model.scanned(bytes)
  }

  /// - Returns: the report that the observation completed.
  /// - Throws: where it can't be kept.
  @discardableResult
  public mutating func observe(_ observation: M.Observation) throws -> M.Report? {
    try kept?.append(observation)
    model.observed(observation)
    return model.takeReport()
  }
}
