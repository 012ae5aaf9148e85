import Foundation
import Reports
import Support
import Testing

/// `loadwatch`, with the given arguments, to its end.
func loadwatch(
  _ arguments: String..., environment: [String: String?] = [:], to output: Command.Output = .pipe,
  seconds: Double = 30
) throws -> Command.Ended {
  try start(arguments, environment: environment, to: output).wait(seconds: seconds)
}

/// The same, with its arguments in a list.
func loadwatch(arguments: [String], seconds: Double = 30) throws -> Command.Ended {
  try start(arguments).wait(seconds: seconds)
}

/// `loadwatch`, running.
func start(
  _ arguments: [String], environment: [String: String?] = [:], to output: Command.Output = .pipe,
  errorsClosed: Bool = false, ignoring signal: Int32 = 0
) throws -> Command {
  try Command(
    Binaries.url("loadwatch").path, arguments, environment: environment, to: output,
    errorsClosed: errorsClosed, ignoring: signal)
}

extension Command.Ended {
  /// The snapshots that it wrote as lines of JSON.
  func snapshots() throws -> [LoadSnapshot] { try decoded(bytes) }

  /// What it complained of, where that is one line; else all of it, marked.
  var complaint: String { complaint(of: "loadwatch") }

  func complaint(of tool: String) -> String {
    errors.hasPrefix("\(tool): ") && errors.firstIndex(of: "\n") == errors.indices.last
      ? String(errors.dropFirst(tool.count + 2).dropLast()) : "NOT ONE LINE: \(errors)"
  }
}

/// Snapshots, a line each: all but the last tell of an interval, the last of the whole.
func decoded(_ data: Data) throws -> [LoadSnapshot] {
  #expect(data.last == UInt8(ascii: "\n"))
  let snapshots = try data.split(separator: UInt8(ascii: "\n")).map {
    try JSONDecoder().decode(LoadSnapshot.self, from: Data($0))
  }
  #expect(snapshots.last?.final == true)
  #expect(snapshots.dropLast().allSatisfy { !$0.final })
  return snapshots
}

/// A directory for one test, readable by everyone and removed with this object.
final class Scratch {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/sonde-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// What is in it, in order of names.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: file(name), atomically: false, encoding: .utf8)
    return file(name)
  }
}

/// The package's directory: where README.md and docs/ are.
let packageRoot = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
