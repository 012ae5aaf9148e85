import Faces
import FoundationEssentials
import Glibc
public import Input
import Recording
import Reports
import SystemPackage

/// A run that is recorded: its recorder, the condition, and what is said meanwhile.
public final class RecordedRun<T: Tool> {
  private let recording: Recorder
  private let condition: Condition<T.Report>?
  private let plan: RecordingPlan
  private var line = ProgressLine()
  private let said: Said

  /// What the recorder told, which outlives it.
  private final class Said {
    var events: [RecordingEvent] = []
  }

  /// Whether there is anything left to record.
  public private(set) var isDone = false
  private var hasFailed = false
  private var keeps: Bool { plan.keep != nil }

  /// - Throws: `Failure` where the options can't be met.
  public init(_ options: RecordOptions) throws {
    let path = options.output ?? Self.path(isDated: options.keepNs == nil)
    var plan = RecordingPlan(tool: T.name, path: path)
    plan.keep = options.keepNs
    plan.after = options.after.ns
    plan.mostBytes = options.maxSize.bytes
    plan.mostFiles = options.maxFiles
    condition = try options.condition(on: T.Report.self)
    let said = Said()
    self.said = said
    let wall = UInt64(Date().timeIntervalSince1970 * 1e9)
    recording = Recorder(plan, mostKept: try options.mostKept(), from: wall) {
      said.events.append($0)
    }
    self.plan = plan
    do {
      try Self.checkPlace(path)
    } catch let error as Errno {
      throw Failure("can't write \(path): \(error)")
    }
  }

  /// The tracer is attached: begins the file, or says that it waits.
  ///
  /// - Throws: `Failure` where the file can't be written.
  public func begin() throws {
    do {
      try recording.start()
    } catch {
      throw Failure("can't write \(plan.path): \(error)")
    }
    tell()
    if let keep = plan.keep {
      warn("keeping the last \(durationText(ns: keep)) in memory", as: T.name)
    }
  }

  /// Takes all input of a tracer.
  public var recorder: any InputRecorder { recording }

  /// What is in memory is to be written; the run goes on.
  public func writeNow() -> Bool {
    recording.writeNow()
    return true
  }

  /// Takes a report of an interval; false once there is nothing left to record.
  public func take(_ report: T.Report) -> Bool {
    if !report.final { recording.intervalEnded(holds: condition?.holds(report) ?? false) }
    tell()
    showProgress(report)
    return !isDone
  }

  /// The run is over.
  /// - Throws: `Failure` where not all was written.
  public func finish() throws {
    recording.finish()
    tell()
    line.clear()
    if hasFailed, !keeps { throw Failure("the recording is incomplete") }
  }

  // MARK: -

  /// The files of triggers get their time as they are begun.
  private static func path(isDated: Bool) -> String {
    let now =
      isDated ? SnapshotJSON.timestamp(Date()).prefix(19).filter { $0 != ":" && $0 != "-" } : ""
    return isDated ? "\(T.name)-\(now).rec" : "\(T.name).rec"
  }

  /// What can't be written to is refused before anything is traced.
  private static func checkPlace(_ path: String) throws {
    var status = stat()
    if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw Failure("can't write \(path): it is not a regular file")
    }
    let folder = FilePath(path).removingLastComponent()
    guard unsafe access(folder.isEmpty ? "." : folder.string, W_OK) == 0 else {
      throw Errno(rawValue: errno)
    }
  }

  private func tell() {
    let events = said.events
    said.events = []
    if !events.isEmpty { line.clear() }
    for event in events { tell(event) }
  }

  private func tell(_ event: RecordingEvent) {
    switch event {
    case .began(let path): warn("recording to \(path)", as: T.name)
    case .ended(let path, let bytes):
      warn("\(path): \(bytesText(bytes)) written", as: T.name)
    case .full(let path, let bytes):
      warn("\(path): ended at --max-size, \(bytesText(bytes)) written", as: T.name)
      if !keeps { isDone = true }
    case .failed(let path, let reason):
      hasFailed = true
      warn(
        "can't write \(path): \(reason)" + (keeps ? "; what is kept stays in memory" : ""),
        as: T.name)
      if !keeps { isDone = true }
    case .removed(let path): warn("deleted \(path) (--max-files)", as: T.name)
    }
  }

  private func showProgress(_ report: T.Report) {
    guard line.isShown, !report.final else { return }
    var text = "\(T.name)  "
    if let writing = recording.writing {
      text += "recording to \(escaped(writing.path))  \(bytesText(writing.bytes))"
    } else {
      text +=
        "waiting  \(durationText(ns: recording.keptTime)) in memory, "
        + bytesText(UInt64(recording.keptBytes))
    }
    text += "  lost \(report.loss.lost)  Ctrl-C to stop"
    line.show(text)
  }
}
