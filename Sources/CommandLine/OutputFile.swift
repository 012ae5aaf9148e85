import CLinux
import Glibc
public import SystemPackage

/// A file that takes its place, and that of the file it replaces, once it is complete.
///
/// Until then it stands beside it under another name. A device or a pipe is written to as it is.
public struct OutputFile {
  /// Where to write to.
  public let descriptor: FileDescriptor
  /// Where links lead to, so that they stay.
  private let place: String
  private let temporary: String?

  /// Opens what is there, or begins the file that will be.
  ///
  /// - Throws: an `Errno` where it can't be written to.
  public init(_ path: String) throws {
    let place = try Self.place(of: path)
    self.place = place
    var status = stat()
    if unsafe stat(place, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      // A directory is refused here and not after the watch.
      descriptor = try FileDescriptor.open(FilePath(place), .writeOnly, options: .closeOnExec)
      temporary = nil
      return
    }
    let temporary = "\(place).\(UInt32.random(in: .min ... .max)).part"
    descriptor = try FileDescriptor.open(
      FilePath(temporary), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    self.temporary = temporary
    unsafe sonde_on_forced_exit(temporary, nil)
  }

  /// All is written: the file takes its place.
  ///
  /// - Throws: an `Errno` where it can't; ``discard()`` is still to be called.
  public func finish() throws {
    try descriptor.close()
    if let temporary, unsafe rename(temporary, place) != 0 { throw Errno(rawValue: errno) }
    sonde_on_forced_exit(nil, nil)
  }

  /// Nothing more comes; what was written in part is removed.
  public func discard() {
    if let temporary { unsafe unlink(temporary) }
  }

  /// The path without links at its end. What it leads to need not exist.
  private static func place(of path: String) throws -> String {
    var path = FilePath(path)
    // As many as the kernel follows: MAXSYMLINKS in include/linux/namei.h.
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = unsafe readlink(path.string, &buffer, buffer.count)
      guard count >= 0 else { return path.string }
      let target = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      path = path.removingLastComponent().pushing(FilePath(target))
    }
    throw Errno.tooManySymbolicLinkLevels
  }
}
