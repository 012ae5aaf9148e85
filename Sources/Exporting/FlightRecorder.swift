import CommandLine
import Faces
import Glibc
public import Input
import Recording
import Session
import Synchronization

/// The last minute of a run's input, in memory; written to a file when that is asked for.
public final class FlightRecorder {
  private let recorder: Recorder
  private let asked: Request

  /// Set by the serving thread, taken by the tracing thread.
  final class Request: Sendable {
    private let isAsked = Atomic(false)
    func ask() { isAsked.store(true, ordering: .relaxed) }
    func take() -> Bool { isAsked.exchange(false, ordering: .relaxed) }
  }

  private static let length: UInt64 = 60_000_000_000

  /// - Throws: `Failure` where there is too little memory, or the directory can't be written to.
  init(tool: String, directory: String, _ request: Request) throws {
    guard unsafe access(directory, W_OK | X_OK) == 0 else {
      throw Failure("can't write to \(directory): \(unsafe String(cString: strerror(errno)))")
    }
    var plan = RecordingPlan(tool: tool, path: "\(directory)/\(tool).rec")
    plan.keep = Self.length
    // Until a block is taken that came after the request.
    plan.after = 1
    let mostKept = try RecordOptions.mostKept(of: Self.length, option: "--record-to")
    plan.mostBytes = max(plan.mostBytes, UInt64(mostKept) + 16 << 20)
    asked = request
    recorder = Recorder(
      plan, mostKept: mostKept, from: Clocks.wall
    ) { event in
      switch event {
      case .began: break
      case .ended(let path, let bytes), .full(let path, let bytes):
        warn("\(path): \(bytesText(bytes)) written", as: tool)
      case .failed(let path, let reason): warn("can't write \(path): \(reason)", as: tool)
      case .removed(let path): warn("deleted \(path): only ten are kept", as: tool)
      }
    }
  }

  public var input: any InputRecorder { recorder }

  /// All of an interval's input was taken.
  public func intervalEnded() {
    if asked.take() { recorder.writeNow() }
    recorder.intervalEnded(holds: false)
  }

  public func finish() {
    if asked.take() {
      recorder.writeNow()
      recorder.intervalEnded(holds: false)
    }
    recorder.finish()
  }
}
