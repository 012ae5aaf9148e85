/// A model and, if input is kept, the input that it was given.
public struct Door<M: Model & ~Copyable>: ~Copyable {
  public var model: M
  /// Nil unless the input is kept.
  public private(set) var kept: KeptInput<M.Observation>?
  /// Where it goes; where there is none it stays in ``kept``.
  private let recorder: (any InputRecorder)?
  private var beginsSegment = true

  /// - Parameter keepsInput: whether input is kept where no recorder takes it.
  public init(
    _ model: consuming M, keepsInput: Bool = false, recorder: (any InputRecorder)? = nil
  ) {
    self.model = model
    self.recorder = recorder
    kept = keepsInput || recorder != nil ? KeptInput() : nil
  }

  public var isRecording: Bool { recorder != nil }

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

  // MARK: - Recording

  /// Bytes that are kept and not given to a recorder yet.
  public var keptCount: Int { kept?.bytes.count ?? 0 }

  /// The entries behind so many bytes.
  public func entries(from count: Int) -> [UInt8] { kept.map { Array($0.bytes[count...]) } ?? [] }

  /// Gives the recorder what was kept, once that is a block.
  ///
  /// - Parameter wall: CLOCK_REALTIME, ns.
  public mutating func passOn(at wall: @autoclosure () -> UInt64) {
    if let kept, recorder != nil, kept.bytes.count >= Self.blockSize { passOnAll(at: wall()) }
  }

  /// Gives it all that was kept.
  public mutating func passOnAll(at wall: UInt64) {
    guard let recorder, let entries = kept?.take() else { return }
    recorder.take(entries, beginsSegment: beginsSegment, until: wall)
    beginsSegment = false
  }

  /// A fresh model can begin here, with that. What was kept before is given to the recorder.
  public mutating func beginSegment(_ prologue: KeptInput<M.Observation>, at wall: UInt64) {
    passOnAll(at: wall)
    kept?.append(prologue: prologue)
    beginsSegment = true
  }

  /// Large enough to be compressed well, small enough not to cause a noticeable delay.
  private static var blockSize: Int { 1 << 18 }
}

/// Takes a run's input, block by block.
public protocol InputRecorder: AnyObject {
  /// - Parameters:
  ///   - entries: of a ``KeptInput``.
  ///   - beginsSegment: whether a fresh model can begin with them.
  ///   - wall: when the last of it came, CLOCK_REALTIME, ns.
  func take(_ entries: [UInt8], beginsSegment: Bool, until wall: UInt64)
}
