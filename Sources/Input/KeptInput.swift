import FoundationEssentials

/// A run's input as it went through the door, in memory.
///
/// An entry has a byte of kind, one of padding, two of CPU, four of length, and the bytes, padded to
/// eight, so that records are read where they lie; little-endian. Observations are JSON.
public struct KeptInput<Observation: Codable & Sendable>: Sendable {
  public private(set) var bytes: [UInt8]

  private enum Kind: UInt8 {
    case record = 1
    case scanned = 2
    case observation = 3
  }

  private static var headSize: Int { 8 }

  public init() { bytes = [] }

  /// What ``bytes`` once were; checked as it is replayed.
  public init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func append(_ kind: Kind, cpu: Int, count: Int) {
    bytes.append(kind.rawValue)
    bytes.append(0)
    for shift in [0, 8] { bytes.append(UInt8(truncatingIfNeeded: cpu >> shift)) }
    for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
  }

  private mutating func pad() {
    while bytes.count % 8 != 0 { bytes.append(0) }
  }

  public mutating func append(record: RawSpan, cpu: Int) {
    append(.record, cpu: cpu, count: record.byteCount)
    unsafe record.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    pad()
  }

  public mutating func append(scanned: RawSpan) {
    append(.scanned, cpu: 0, count: scanned.byteCount)
    unsafe scanned.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    pad()
  }

  /// - Throws: what JSON has no form for, such as a number that isn't finite.
  public mutating func append(_ observation: Observation) throws {
    let data = try JSONEncoder().encode(observation)
    append(.observation, cpu: 0, count: data.count)
    bytes.append(contentsOf: data)
    pad()
  }

  /// Feeds all of it to a sink, in order.
  ///
  /// - Throws: `KeptInputError` where the bytes are not whole, `DecodingError` where an observation has
  ///   another form.
  public func replay<Sink: InputSink & ~Copyable>(
    into sink: inout Sink, afterEach body: (inout Sink) -> Void = { _ in }
  ) throws where Sink.Observation == Observation {
    let span = unsafe bytes.span.bytes
    let decoder = JSONDecoder()
    var offset = 0
    func byte(_ index: Int) -> Int { Int(bytes[offset + index]) }
    while offset < bytes.count {
      guard bytes.count - offset >= Self.headSize, let kind = Kind(rawValue: bytes[offset]) else {
        throw KeptInputError(offset: offset)
      }
      let cpu = byte(2) | byte(3) << 8
      let count = byte(4) | byte(5) << 8 | byte(6) << 16 | byte(7) << 24
      let start = offset + Self.headSize
      guard count <= bytes.count - start else { throw KeptInputError(offset: offset) }
      let range = start..<start + count
      switch kind {
      case .record: sink.record(span.extracting(range), cpu: cpu)
      case .scanned: sink.scanned(span.extracting(range))
      case .observation:
        sink.observed(try decoder.decode(Observation.self, from: Data(bytes[range])))
      }
      body(&sink)
      offset = (range.upperBound + 7) & ~7
    }
  }
}

/// Kept input that ends within an entry, or holds what is none.
public struct KeptInputError: Error, CustomStringConvertible {
  /// Where that entry begins, bytes.
  public let offset: Int

  public var description: String { "the kept input is damaged at byte \(offset)" }
}
