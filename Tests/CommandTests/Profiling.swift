import Foundation
import Reports
import Support
import Testing

/// `cloneprof` beside a load, and what both tell at their ends.
extension Scratch {
  /// The whole of a watch of `testload`, and the figures that it printed: "forks 20 median 5 ...".
  func profile(
    _ load: String..., options: [String] = [], mayLose: Bool = false
  ) throws -> (final: CloneSnapshot, told: [String: UInt64], all: [CloneSnapshot]) {
    let watch = try cloneprof(options + ["--", Binaries.url("testload").path] + load)
    let ended = try watch.wait(seconds: 200)
    #expect(ended.errors.isEmpty)
    let all = try snapshots(of: ended)
    let final = try #require(all.last)
    #expect(mayLose || final.loss.lost == 0)
    return (final, figures(ended.output), all)
  }

  /// Started, its snapshots to be read at its end.
  func cloneprof(_ arguments: [String]) throws -> Command {
    try Command(
      Binaries.url("cloneprof").path, ["--format", "json", "-o", file("out.json")] + arguments)
  }

  /// Whether a process has a file open in it that has no name yet: it is attached before it opens one.
  func isBeingWritten(by pid: Int32) -> Bool {
    let descriptors =
      (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
    let folder = URL(filePath: path).lastPathComponent
    return descriptors.contains {
      let target = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/\(pid)/fd/\($0)")
      return target?.contains("/\(folder)/") == true && target?.hasSuffix(" (deleted)") == true
    }
  }

  /// What ``cloneprof(_:)`` wrote, the sum at last.
  func snapshots(of ended: Command.Ended) throws -> [CloneSnapshot] {
    try #require(ended.status == 0, "\(ended.errors)")
    let all = try Data(contentsOf: URL(filePath: file("out.json")))
      .split(separator: UInt8(ascii: "\n"))
      .map { try JSONDecoder().decode(CloneSnapshot.self, from: Data($0)) }
    let final = try #require(all.last)
    #expect(final.final && all.dropLast().allSatisfy { !$0.final })
    #expect(final.loss.pending == 0)
    #expect(final.loss.expected == final.loss.delivered + final.loss.lost)
    return all
  }
}

/// Of the last line, by its words: "forks 20 median 5".
func figures(_ output: String) -> [String: UInt64] {
  let words = output.split(separator: "\n").last?.split(separator: " ") ?? []
  return Dictionary(
    zip(words, words.dropFirst()).compactMap { name, value in
      UInt64(value).map { (String(name), $0) }
    }, uniquingKeysWith: { first, _ in first })
}

extension CallsPart {
  /// All that made a process.
  var processes: UInt64 { fork + vfork + clone + clone3 }
}
