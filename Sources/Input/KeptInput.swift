import FoundationEssentials

/// A run's input as it went through the door, in memory: ``Entry``.
public struct KeptInput<Observation: Codable & Sendable>: Sendable {
  public private(set) var bytes: [UInt8]

  public init() { bytes = [] }

  /// What ``bytes`` once were; checked as it is replayed.
  public init(bytes: [UInt8]) { self.bytes = bytes }

  public mutating func append(record: RawSpan, cpu: Int) {
    append(.record, cpu: cpu, record)
  }

  public mutating func append(scanned: RawSpan) { append(.scanned, cpu: 0, scanned) }

  private mutating func append(_ kind: Entry.Kind, cpu: Int, _ content: RawSpan) {
    Entry.appendHead(kind, cpu: cpu, count: content.byteCount, to: &bytes)
    unsafe content.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    Entry.pad(&bytes)
  }

  /// - Throws: what JSON has no form for, such as a number that isn't finite.
  public mutating func append(_ observation: Observation) throws {
    let data = try JSONEncoder().encode(observation)
    Entry.appendHead(.observation, cpu: 0, count: data.count, to: &bytes)
    bytes.append(contentsOf: data)
    Entry.pad(&bytes)
  }

  /// Entries that another one has, such as those of a task scan.
  public mutating func append(entries: some Collection<UInt8>) {
    bytes.append(contentsOf: entries)
  }

  /// What a fresh model is to be fed that begins here; one that has seen all before leaves it out.
  public mutating func append(prologue: KeptInput) {
    Entry.appendHead(.prologue, cpu: 0, count: prologue.bytes.count, to: &bytes)
    bytes.append(contentsOf: prologue.bytes)
    Entry.pad(&bytes)
  }

  /// Gives away all that was kept so far.
  public mutating func take() -> [UInt8] {
    defer {
      bytes = []
      bytes.reserveCapacity(capacity)
    }
    return bytes
  }

  private var capacity: Int { 1 << 19 }

  /// Feeds all of it to a sink, in order.
  ///
  /// - Parameter begins: whether the sink begins here: then it gets the first prologue.
  /// - Throws: `KeptInputError` where the bytes are not whole, `DecodingError` where an observation has
  ///   another form, and what `body` throws.
  public func replay<Sink: InputSink & ~Copyable>(
    into sink: inout Sink, begins: Bool = false,
    afterEach body: (inout Sink) throws -> Void = { _ in }
  ) throws where Sink.Observation == Observation {
    var begins = begins
    try Self.replay(unsafe bytes.span.bytes, into: &sink, begins: &begins, body)
  }

  private static func replay<Sink: InputSink & ~Copyable>(
    _ bytes: RawSpan, into sink: inout Sink, begins: inout Bool,
    _ body: (inout Sink) throws -> Void
  ) throws where Sink.Observation == Observation {
    let decoder = JSONDecoder()
    try Entry.forEach(in: bytes) { kind, cpu, content in
      switch kind {
      case .record: sink.record(content, cpu: cpu)
      case .scanned: sink.scanned(content)
      case .observation:
        let data = unsafe content.withUnsafeBytes { unsafe Data($0) }
        sink.observed(try decoder.decode(Observation.self, from: data))
      case .prologue:
        guard begins else { return }
        begins = false
        // No prologue has one of its own.
        var isNested = false
        try replay(content, into: &sink, begins: &isNested, body)
      }
      try body(&sink)
    }
  }
}

/// Kept input that ends inside an entry or contains an invalid one.
public struct KeptInputError: Error, CustomStringConvertible {
  /// Where that entry begins, bytes.
  public let offset: Int

  public var description: String { "invalid entry at byte \(offset) of a decoded block" }
}
