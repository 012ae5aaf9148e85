import ExportProtos
import Faces
import FoundationEssentials
import SwiftProtobuf

/// Packets of a Perfetto trace, encoded as they come.
struct TraceWriter {
  private var bytes: [UInt8] = []
  private var lastTrack: UInt64 = 0

  /// Who writes: one sequence of packets.
  private static let sequence: UInt32 = 1

  mutating func takeBytes() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  mutating func append(_ data: PerfettoTracePacket.OneOf_Data, at time: UInt64? = nil) {
    var packet = PerfettoTracePacket()
    packet.data = data
    packet.trustedPacketSequenceID = Self.sequence
    if let time { packet.timestamp = time }
    var trace = PerfettoTrace()
    trace.packet = [packet]
    // A file of packets is one message after the other: fields that repeat are joined.
    guard let encoded: [UInt8] = try? trace.serializedBytes() else {
      preconditionFailure("a packet lacks a required field, of which there is none")
    }
    bytes += encoded
  }

  /// Times are CLOCK_MONOTONIC, in the place of CLOCK_BOOTTIME: the clock of traces, which stands in no
  /// recording.
  ///
  /// - Parameter wall: CLOCK_REALTIME at that time.
  mutating func clock(at time: UInt64, wall: UInt64) {
    var snapshot = PerfettoClockSnapshot()
    snapshot.clocks = [(Self.boottime, time), (Self.realtime, wall)].map { id, time in
      var clock = PerfettoClockSnapshot.Clock()
      (clock.clockID, clock.timestamp) = (id, time)
      return clock
    }
    append(.clockSnapshot(snapshot), at: time)
  }

  /// BuiltinClock, perfetto/common/builtin_clock.proto.
  private static let realtime: UInt32 = 1
  private static let boottime: UInt32 = 6

  // MARK: - Tracks

  private mutating func track(_ fill: (inout PerfettoTrackDescriptor) -> Void) -> UInt64 {
    lastTrack += 1
    var track = PerfettoTrackDescriptor()
    track.uuid = lastTrack
    fill(&track)
    append(.trackDescriptor(track))
    return lastTrack
  }

  /// - Parameters:
  ///   - process: 0 where it isn't known.
  ///   - name: escaped.
  mutating func track(ofThread tid: UInt32, process: UInt32, name: String) -> UInt64 {
    track { track in
      guard process != 0 else {
        track.name = "\(name) (\(tid))"
        return
      }
      track.thread.pid = Int32(bitPattern: process)
      track.thread.tid = Int32(bitPattern: tid)
      track.thread.threadName = name
    }
  }

  mutating func track(named name: String, below parent: UInt64? = nil) -> UInt64 {
    track { track in
      track.name = name
      if let parent { track.parentUuid = parent }
    }
  }

  mutating func counter(
    named name: String, _ unit: PerfettoCounterDescriptor.Unit = .count
  ) -> UInt64 {
    track { track in
      track.name = name
      track.counter.unit = unit
    }
  }

  // MARK: - Events

  mutating func begin(
    _ name: String, of category: String, on track: UInt64, at time: UInt64,
    _ arguments: [TraceArgument] = [], flows: [UInt64] = [], endsFlows: [UInt64] = []
  ) {
    event(.sliceBegin, on: track, at: time, arguments) { event in
      event.name = name
      event.categories = [category]
      (event.flowIds, event.terminatingFlowIds) = (flows, endsFlows)
    }
  }

  mutating func end(on track: UInt64, at time: UInt64) { event(.sliceEnd, on: track, at: time) }

  mutating func instant(
    _ name: String, of category: String, on track: UInt64, at time: UInt64,
    _ arguments: [TraceArgument] = [], flows: [UInt64] = [], endsFlows: [UInt64] = []
  ) {
    event(.instant, on: track, at: time, arguments) { event in
      event.name = name
      event.categories = [category]
      (event.flowIds, event.terminatingFlowIds) = (flows, endsFlows)
    }
  }

  mutating func count(_ value: Double, on track: UInt64, at time: UInt64) {
    event(.counter, on: track, at: time) { $0.doubleCounterValue = value }
  }

  private mutating func event(
    _ type: PerfettoTrackEvent.TypeEnum, on track: UInt64, at time: UInt64,
    _ arguments: [TraceArgument] = [], _ fill: (inout PerfettoTrackEvent) -> Void = { _ in }
  ) {
    var event = PerfettoTrackEvent()
    (event.type, event.trackUuid) = (type, track)
    event.debugAnnotations = arguments.map(\.annotation)
    fill(&event)
    append(.trackEvent(event), at: time)
  }
}

/// What an event says besides its name.
struct TraceArgument {
  fileprivate var annotation = PerfettoDebugAnnotation()

  init(_ name: String, _ value: UInt64) {
    (annotation.name, annotation.uintValue) = (name, value)
  }

  /// - Parameter value: not escaped.
  init(_ name: String, _ value: String) {
    (annotation.name, annotation.stringValue) = (name, escaped(value))
  }

  /// A stack: innermost first. Nil where there is none.
  init?(stack functions: [String]) {
    if functions.isEmpty { return nil }
    self.init("stack", functions.joined(separator: " <- "))
  }
}

/// The trace's time of what a report names by the wall clock.
struct TraceClock {
  /// Both at one instant, ns.
  var time: UInt64
  var wall: UInt64

  /// Nil for what is before the trace.
  func time(of timestamp: String) -> UInt64? {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    guard let date = try? Date(timestamp, strategy: style) else { return nil }
    let since = (date.timeIntervalSince1970 - Double(wall) / 1e9) * 1e9
    let time = Double(time) + since
    return time >= 0 && time < 0x1p63 ? UInt64(time) : nil
  }
}
