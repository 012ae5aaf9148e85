public import Foundation

/// A program that makes a known load, from its `ready` to its end: `Tests/Loads`.
///
/// Ends with its standard input, and so with this object.
public final class Load {
  private let process = Process()
  private let input = Pipe()
  private let lines: LineReader
  /// What it said after `ready`: "tids 12 13" gives [12, 13].
  public let tids: [Int32]
  public var pid: Int32 { process.processIdentifier }

  /// Starts it and waits until it is in place.
  ///
  /// - Parameters:
  ///   - printsIDs: whether a line with thread ids follows `ready`.
  ///   - program: `testload` itself, or a copy under another name.
  public convenience init(
    _ arguments: String..., printsIDs: Bool = false, program: URL = Binaries.url("testload")
  ) throws {
    try self.init(arguments: arguments, printsIDs: printsIDs, program: program)
  }

  /// The same, with its arguments in a list.
  public init(
    arguments: [String], printsIDs: Bool = false, program: URL = Binaries.url("testload")
  ) throws {
    let output = Pipe()
    process.executableURL = program
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    lines = LineReader(output.fileHandleForReading)
    try process.run()
    guard lines.next() == "ready" else {
      throw Failure("testload \(arguments.joined(separator: " ")) did not get ready")
    }
    guard printsIDs else {
      tids = []
      return
    }
    tids = (lines.next() ?? "").split(separator: " ").dropFirst().compactMap { Int32($0) }
  }

  /// Lets one begin that waits for that.
  public func begin() throws {
    try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
  }

  /// Ends it and gives the lines that it prints at the end.
  public func stop() -> [String] {
    try? input.fileHandleForWriting.close()
    var rest: [String] = []
    while let line = lines.next() { rest.append(line) }
    process.waitUntilExit()
    return rest
  }

  deinit {
    if process.isRunning { _ = stop() }
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
  }
}

/// Lines of a pipe, as they come.
final class LineReader {
  private let handle: FileHandle
  private var held = Data()

  init(_ handle: FileHandle) {
    self.handle = handle
  }

  func next() -> String? {
    while true {
      if let end = held.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: held[held.startIndex..<end], as: UTF8.self)
        held = Data(held[(end + 1)...])
        return line
      }
      let more = handle.availableData
      if more.isEmpty { return nil }
      held.append(more)
    }
  }
}

/// The package's programs, beside the test program that runs.
public enum Binaries {
  public static func url(_ name: String) -> URL {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: own).deletingLastPathComponent().appending(path: name)
  }
}
