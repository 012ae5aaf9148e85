import Foundation
public import Input
public import LoadModel
public import Reports

/// The input of a run of loadwatch on some kernel, and the final report that it made: Tests/Captures.
public struct Captured {
  public let input: KeptInput<LoadObservation>
  public let report: LoadSnapshot

  public struct Damaged: Error {}

  public init(_ path: String) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    guard let bytes = Compression.uncompressed(data, most: 64 << 20), bytes.count > 8 else {
      throw Damaged()
    }
    let count = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard count <= bytes.count - 8 else { throw Damaged() }
    input = KeptInput(bytes: Array(bytes[8..<8 + count]))
    report = try JSONDecoder().decode(LoadSnapshot.self, from: Data(bytes[(8 + count)...]))
  }

  /// The reports of a fresh model.
  public func replayed() throws -> [LoadSnapshot] {
    var model = LoadAnalysis()
    var reports: [LoadSnapshot] = []
    try input.replay(into: &model) { model in
      if let report = model.takeReport() { reports.append(report) }
    }
    return reports
  }
}
