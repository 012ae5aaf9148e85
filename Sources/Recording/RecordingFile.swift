import Glibc
import SystemPackage

/// A recording, read block by block: in memory that does not grow with the file.
///
/// Of any bytes it gives those blocks that are whole, in order, and says how it ended.
public struct RecordingFile: ~Copyable {
  public struct Block: Sendable {
    /// A fresh model can begin with it.
    public var beginsSegment: Bool
    /// CLOCK_REALTIME, ns.
    public var from: UInt64
    public var to: UInt64
    /// Of the block in the file.
    public var stored: Int
    /// The entries: ``Input/KeptInput``.
    public var entries: [UInt8]
  }

  /// How it ends.
  public enum End: Sendable, Equatable {
    /// Its writer brought it to its end.
    case whole
    /// It was cut off behind a whole block: its writer was killed, or is still at it.
    case open
    /// What follows byte `at` is no whole block.
    case damaged(at: Int)
  }

  public let path: String
  /// Bytes.
  public let size: Int
  private let file: FileDescriptor
  private let decompressor = Decompressor()
  private var offset = FileHead.size
  /// How far it has been read, bytes.
  public var position: Int { offset }
  /// Known once ``next()`` has given nil.
  public private(set) var end = End.open

  /// - Parameter tool: whose recording it has to be.
  /// - Throws: `RecordingError` where it is none of this form and tool.
  public init(_ path: String, tool: String) throws(RecordingError) {
    (file, size) = try Self.opened(path, tool: tool)
    self.path = path
  }

  private static func opened(
    _ path: String, tool: String
  ) throws(RecordingError) -> (FileDescriptor, size: Int) {
    let file: FileDescriptor
    do {
      file = try FileDescriptor.open(
        FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
    } catch {
      throw RecordingError(path, "\(error)")
    }
    do throws(RecordingError) {
      let size = try regularSize(of: file, path)
      try checkHead(read(file, at: 0, count: FileHead.size), path, tool: tool)
      return (file, size)
    } catch {
      try? file.close()
      throw error
    }
  }

  deinit { try? file.close() }

  /// Whether a file begins as recordings do, of whichever tool.
  public static func isRecording(_ path: String) -> Bool {
    // To open a pipe is to let its writer begin.
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let file = try? FileDescriptor.open(
        FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
    else { return false }
    defer { try? file.close() }
    return read(file, at: 0, count: FileHead.magic.count) == FileHead.magic
  }

  private static func regularSize(
    of file: FileDescriptor, _ path: String
  ) throws(RecordingError) -> Int {
    var status = stat()
    guard unsafe fstat(file.rawValue, &status) == 0 else {
      throw RecordingError(path, "\(Errno(rawValue: errno))")
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return Int(status.st_size)
    case S_IFDIR: throw RecordingError(path, "is a directory, not a recording")
    default: throw RecordingError(path, "is not a regular file")
    }
  }

  private static func checkHead(
    _ head: [UInt8], _ path: String, tool: String
  ) throws(RecordingError) {
    guard !head.isEmpty else { throw RecordingError(path, "is empty") }
    guard head.count == FileHead.size, head.starts(with: FileHead.magic) else {
      throw RecordingError(path, "is not a recording")
    }
    let version: UInt16 = head.number(at: 8)
    guard version == FileHead.version else {
      throw RecordingError(
        path, "has format version \(version); this program reads version \(FileHead.version)"
      )
    }
    guard let place = FileHead.tools.indices.first(where: { UInt8($0 + 1) == head[10] }) else {
      throw RecordingError(path, "is a recording of an unknown tool")
    }
    let other = FileHead.tools[place]
    guard other == tool else {
      throw RecordingError(path, "was recorded by \(other); read it with \(other)")
    }
  }

  /// The next whole block; nil where there is none: ``end`` says why.
  public mutating func next() -> Block? {
    guard end == .open else { return nil }
    let bytes = Self.read(file, at: offset, count: BlockHead.size)
    if bytes.isEmpty { return nil }
    guard let head = BlockHead(bytes) else { return damaged() }
    let stored = Self.read(file, at: offset + BlockHead.size, count: Int(head.stored))
    guard stored.count == Int(head.stored), crc(of: stored) == head.checksum else {
      return damaged()
    }
    var entries: [UInt8] = []
    if head.count > 0 {
      guard let coded = decompressor.decompressed(stored, count: Int(head.count)),
        let raw = EntryCoding.decoded(coded)
      else { return damaged() }
      entries = raw
    }
    offset += BlockHead.size + stored.count
    guard !head.isLast else {
      end = .whole
      return nil
    }
    return Block(
      beginsSegment: head.beginsSegment, from: head.from, to: head.to,
      stored: BlockHead.size + stored.count, entries: entries)
  }

  /// Goes to the last segment that begins at or before a time, or stays at the first.
  ///
  /// - Parameter wall: CLOCK_REALTIME, ns.
  public mutating func seek(to wall: UInt64) {
    var place = offset
    while let head = BlockHead(Self.read(file, at: place, count: BlockHead.size)), !head.isLast,
      head.from <= wall
    {
      if head.beginsSegment { offset = place }
      place += BlockHead.size + Int(head.stored)
    }
  }

  /// When its input begins, CLOCK_REALTIME, ns; nil where there is no block.
  public var start: UInt64? {
    let head = BlockHead(Self.read(file, at: FileHead.size, count: BlockHead.size))
    return head.flatMap { $0.isLast ? nil : $0.from }
  }

  /// When it ends, likewise, as far as its blocks follow each other.
  public var stop: UInt64? {
    var place = FileHead.size
    var stop: UInt64?
    while let head = BlockHead(Self.read(file, at: place, count: BlockHead.size)), !head.isLast {
      stop = head.to
      place += BlockHead.size + Int(head.stored)
    }
    return stop
  }

  private mutating func damaged() -> Block? {
    end = .damaged(at: offset)
    return nil
  }

  /// Up to that many bytes; fewer at the end of the file, and where they can't be read.
  private static func read(_ file: FileDescriptor, at offset: Int, count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, got in
      while got < count {
        let rest = unsafe UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[got...])
        guard let more = unsafe try? file.read(fromAbsoluteOffset: Int64(offset + got), into: rest),
          more > 0
        else { return }
        got += more
      }
    }
  }
}

/// A file that is no recording, or can't be read.
public struct RecordingError: Error, CustomStringConvertible {
  public let description: String

  init(_ path: String, _ text: String) { description = "\(path): \(text)" }
}
