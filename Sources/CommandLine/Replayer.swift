import CLinux
public import Exports
import Faces
import Glibc
public import Input
import Recording
import Reports
import Screen
import SystemPackage

/// Reads a recording into a model, and writes what that reports.
public struct Replayer<T: Tool>: ~Copyable {
  private var file: RecordingFile
  private let options: ReplayOptions

  /// - Throws: `RecordingError` where the file can't be read or is no recording of the tool.
  public init(_ options: ReplayOptions) throws {
    file = try RecordingFile(options.file, tool: T.name)
    self.options = options
  }

  /// - Throws: `Failure` where the recording holds nothing, or the times contradict each other.
  public func window(_ output: OutputOptions) throws -> ReplayWindow {
    guard let start = file.start else {
      throw Failure("\(options.file): contains no complete block")
    }
    var window = try options.window(start: start)
    // A screen has the whole of it, in longer intervals if need be.
    if sink(output).isBrowsed, window.count == nil, let stop = file.stop {
      let (from, to) = (max(start, window.from ?? 0), min(stop, window.to ?? .max))
      let time = min(to > from ? to - from : 0, window.length ?? .max)
      window.division = (time, most: Browser<T.Report>.mostIntervals)
    }
    return window
  }

  private func sink(
    _ output: OutputOptions, trace: TraceStream<T.Trace>? = nil
  ) -> SnapshotSink<T> {
    SnapshotSink<T>(
      output, full: options.run.full, plain: options.run.plain, live: false, staysOpen: true,
      trace: trace)
  }

  /// - Parameter trace: what the model gives all its input to, where the output is a trace.
  /// - Throws: `Failure` where nothing can be reported.
  public mutating func run<M: ReplayModel & ~Copyable>(
    _ window: ReplayWindow, into model: consuming M, _ output: OutputOptions,
    trace: TraceStream<T.Trace>? = nil
  ) throws where M.Report == T.Report {
    if let from = window.from { file.seek(to: from) }
    var model = model
    var reports = 0
    // Where reports appear on the terminal they show how far it is.
    var line = ProgressLine()
    let showsProgress =
      line.isShown && (output.output != nil || !Terminal.isTerminal(.standardOutput))
    defer { line.clear() }
    var sink = sink(output, trace: trace)
    let catches = sink.isBrowsed
    // The terminal is to be left as it was, however this ends.
    if catches {
      sonde_screen_guard(FileDescriptor.standardOutput.rawValue)
      unsafe [SIGINT, SIGTERM, SIGHUP].withUnsafeBufferPointer { signals in
        _ = unsafe sonde_catch_signals(signals.baseAddress, Int32(signals.count))
      }
    }
    defer { if catches { sonde_release_signals() } }
    try sink.use { sink in
      var begins = true
      var goesOn = true
      while goesOn, !model.isOver, model.fault == nil, let block = file.next() {
        do {
          try KeptInput<M.Observation>(bytes: block.entries).replay(into: &model, begins: begins) {
            model in
            while goesOn, let report = model.takeReport() {
              reports += 1
              goesOn = try sink.write(report)
            }
          }
        } catch let error as Failure {
          throw error
        } catch {
          throw Failure("\(options.file): can't replay: \(error)")
        }
        begins = false
        goesOn = try goesOn && sink.writeTrace()
        if catches {
          sink.say("\(T.name)  replayed \(100 * file.position / file.size) %")
          goesOn = try sink.attend() && sonde_end_requested_at() == 0 && goesOn
        }
        if showsProgress { line.show("\(T.name)  replayed \(100 * file.position / file.size) %") }
      }
      if let fault = model.fault {
        sink.say("\(options.file): \(fault)")
        try sink.browse()
        throw Failure("\(options.file): \(fault)")
      }
      // Where nobody reads any more, the rest of the file wasn't looked at.
      guard goesOn else { return }
      let isCutOff = !model.isOver
      // Below the screen, where there is one.
      defer { if isCutOff { tellEnd() } }
      model.finish()
      while goesOn, let report = model.takeReport() {
        reports += 1
        goesOn = try sink.write(report)
      }
      guard reports > 0 else {
        throw Failure("\(options.file): no complete interval in the selected time")
      }
      sink.say("")
      try sink.browse()
    }
  }

  /// How the file ends, where it isn't as its writer would have it.
  private func tellEnd() {
    let text: String
    switch file.end {
    case .whole: return
    case .open: text = "has no end marker: truncated or still being written"
    case .damaged(let at):
      text = "damaged or truncated at byte \(at) of \(file.size): the rest is missing"
    }
    warn("\(options.file): \(text)", as: T.name)
  }
}
