import Glibc
public import Input
import SystemPackage

/// What is to be kept of a run's input, and when it is written. Times in ns.
public struct RecordingPlan: Sendable {
  /// Whose input it is.
  public var tool: String
  /// How much from before a trigger is kept in memory; nil: all is written as it comes.
  public var keep: UInt64?
  /// How long is still written once the trigger's condition no longer holds.
  public var after: UInt64 = 30_000_000_000
  /// Bytes of a file.
  public var mostBytes: UInt64 = 256 << 20
  /// How many files of this run there are at most; the oldest goes.
  public var mostFiles = 10
  /// Where to write to; the file of a trigger gets a time before what follows the last dot.
  public var path: String

  public init(tool: String, path: String) { (self.tool, self.path) = (tool, path) }
}

/// What a recorder has to tell.
public enum RecordingEvent: Sendable {
  case began(path: String)
  case ended(path: String, bytes: UInt64)
  /// A file is given up, what there is of it stays; the run goes on.
  case failed(path: String, reason: String)
  case removed(path: String)
  /// All is written that `mostBytes` allow, and there is nothing left to do.
  case full(path: String, bytes: UInt64)
}

/// Takes a run's input, block by block; keeps the last of it in memory, and writes.
///
/// A pure state machine but for its files.
public final class Recorder: InputRecorder {
  private struct Kept {
    var bytes: [UInt8]
    var beginsSegment: Bool
    var to: UInt64
  }

  private struct Output {
    var path: String
    var writer: BlockWriter
    var bytes: UInt64
  }

  private let plan: RecordingPlan
  private let compressor = Compressor()
  private var kept: [Kept] = []
  /// Bytes in memory.
  public private(set) var keptBytes = 0
  private let mostKept: Int
  private var output: Output?
  private var files: [String] = []
  /// When to end the file, by the wall clock; nil while the condition holds.
  private var endsAt: UInt64?
  private var wasHolding = false
  private var isWanted = false
  private var last: UInt64 = 0
  private var report: (RecordingEvent) -> Void

  /// - Parameters:
  ///   - mostKept: bytes to keep in memory at most.
  ///   - wall: when the run begins, CLOCK_REALTIME.
  ///   - report: gets what happens.
  public init(
    _ plan: RecordingPlan, mostKept: Int, from wall: UInt64,
    report: @escaping (RecordingEvent) -> Void
  ) {
    (self.plan, self.mostKept, self.report) = (plan, mostKept, report)
    last = wall
  }

  /// Begins to write, where all is written as it comes.
  ///
  /// - Throws: an `Errno` where the file can't be made.
  public func start() throws {
    guard plan.keep == nil else { return }
    output = try open(plan.path)
  }

  // MARK: - Input

  public func take(_ entries: [UInt8], beginsSegment: Bool, until wall: UInt64) {
    guard !entries.isEmpty else { return }
    var head = BlockHead()
    head.beginsSegment = beginsSegment
    let coded = EntryCoding.encoded(entries)
    head.count = UInt32(coded.count)
    (head.from, head.to) = (min(last, wall), wall)
    last = wall
    let stored = compressor.compressed(coded)
    head.stored = UInt32(stored.count)
    head.checksum = crc(of: stored)
    let bytes = head.bytes + stored
    write(bytes)
    guard plan.keep != nil else { return }
    kept.append(Kept(bytes: bytes, beginsSegment: beginsSegment, to: wall))
    keptBytes += bytes.count
    forget()
  }

  /// Drops the oldest segments that are not needed to have as much as is asked for.
  private func forget() {
    guard let keep = plan.keep else { return }
    while let second = kept.dropFirst().firstIndex(where: { $0.beginsSegment }),
      kept[second].to &+ keep <= last || keptBytes > mostKept
    {
      keptBytes -= kept[..<second].reduce(0) { $0 + $1.bytes.count }
      kept.removeFirst(second)
    }
  }

  /// How far back what is in memory goes, ns.
  public var keptTime: UInt64 { kept.first.map { last &- min($0.to, last) } ?? 0 }

  /// Where is being written, and how much so far.
  public var writing: (path: String, bytes: UInt64)? { output.map { ($0.path, $0.bytes) } }

  // MARK: - Triggers

  /// What is in memory is to be written, with the interval that is not over.
  public func writeNow() { isWanted = true }

  /// An interval is over, all of its input was taken.
  ///
  /// - Parameter holds: whether the condition does.
  public func intervalEnded(holds: Bool) {
    guard plan.keep != nil else { return }
    if output == nil, isWanted || (holds && !wasHolding) { begin() }
    isWanted = false
    wasHolding = holds
    guard output != nil else { return }
    if holds {
      endsAt = nil
    } else if let endsAt {
      if last >= endsAt, output?.writer.queued ?? 0 < Self.fewBytes { finishFile() }
    } else {
      endsAt = last &+ plan.after
    }
  }

  private func begin() {
    let path = Self.dated(plan.path, at: last)
    do {
      output = try open(path)
    } catch {
      report(.failed(path: path, reason: "\(error)"))
      return
    }
    output?.writer.allow(keptBytes)
    for block in kept { write(block.bytes) }
    endsAt = nil
  }

  /// Of what waits to be written: to wait for that holds up nobody.
  private static let fewBytes = 8 << 20

  /// The run is over.
  public func finish() { finishFile() }

  // MARK: - Files

  private func open(_ path: String) throws -> Output {
    let file = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    let writer = try BlockWriter(file)
    let head = FileHead.bytes(tool: FileHead.number(ofTool: plan.tool))
    _ = writer.write(head)
    report(.began(path: path))
    files.append(path)
    while files.count > plan.mostFiles {
      let oldest = files.removeFirst()
      if unsafe unlink(oldest) == 0 { report(.removed(path: oldest)) }
    }
    return Output(path: path, writer: writer, bytes: UInt64(head.count))
  }

  private func write(_ bytes: [UInt8]) {
    guard let output else { return }
    if output.bytes + UInt64(bytes.count + BlockHead.size) > plan.mostBytes {
      finishFile(isFull: true)
    } else if let error = output.writer.write(bytes) {
      giveUp(output, error)
    } else {
      self.output?.bytes += UInt64(bytes.count)
    }
  }

  private func giveUp(_ output: Output, _ error: Errno) {
    let reason = error == .timedOut ? "the disk can't keep up" : "\(error)"
    _ = output.writer.finish(patience: 0)
    self.output = nil
    report(.failed(path: output.path, reason: reason))
  }

  private func finishFile(isFull: Bool = false) {
    guard let output else { return }
    var end = BlockHead()
    end.isLast = true
    (end.from, end.to) = (last, last)
    end.checksum = crc(of: [])
    let error =
      output.writer.write(end.bytes) ?? output.writer.finish(patience: patience(for: output.writer))
    self.output = nil
    endsAt = nil
    if let error {
      report(
        .failed(
          path: output.path, reason: error == .timedOut ? "the disk can't keep up" : "\(error)"))
    } else {
      let bytes = output.bytes + UInt64(BlockHead.size)
      report(
        isFull ? .full(path: output.path, bytes: bytes) : .ended(path: output.path, bytes: bytes))
    }
  }

  /// How long a disk has for what is left at the end.
  private static let patience: UInt64 = 2_000_000_000

  /// What was kept in memory and has just been queued takes longer: 20 MB/s.
  private func patience(for writer: BlockWriter) -> UInt64 {
    min(Self.patience + UInt64(writer.queued) * 50, 10 * Self.patience)
  }

  /// "a.rec" and 14:05 UTC: "a-20261128T140500.rec".
  static func dated(_ path: String, at wall: UInt64) -> String {
    var time = time_t(wall / 1_000_000_000)
    var parts = unsafe tm()
    unsafe gmtime_r(&time, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let date = unsafe "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
    let clock = unsafe "\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))"
    let name = FilePath(path)
    let folder = name.removingLastComponent()
    let stem = name.stem ?? "recording"
    let suffix = name.extension.map { ".\($0)" } ?? ""
    return folder.appending("\(stem)-\(date)T\(clock)\(suffix)").string
  }
}
