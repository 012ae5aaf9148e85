import CLinux
import Glibc
import Proc
public import SystemPackage

/// A file that takes its place, and that of the file it replaces, once it is complete.
///
/// Until then it has no name, or, where the file system doesn't have such files, another one beside
/// it. A device or a pipe is written to as it is.
public struct OutputFile {
  /// Where to write to.
  public let descriptor: FileDescriptor
  /// Where links lead to, so that they stay.
  private let place: String
  private let draft: Draft

  private enum Draft {
    /// A device or a pipe.
    case none
    case unnamed
    case named(String)
  }

  /// Opens what is there, or begins the file that will be. Of a pipe that nobody reads it waits for
  /// a reader.
  ///
  /// - Parameter end: when not to wait any more, CLOCK_MONOTONIC, ns; nor does it after a signal.
  /// - Throws: an `Errno` where it can't be written to; `.noSuchAddressOrDevice` where nobody reads.
  public init(_ path: String, end: UInt64 = .max) throws {
    let place = try Self.place(of: path)
    self.place = place
    var status = stat()
    if unsafe stat(place, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      // A directory is refused here and not after the run.
      descriptor =
        status.st_mode & S_IFMT == S_IFIFO
        ? try Self.pipe(place, end: end)
        : try FileDescriptor.open(FilePath(place), .writeOnly, options: .closeOnExec)
      draft = .none
      return
    }
    Self.removeStaleDrafts(of: place)
    (descriptor, draft) = try Self.begin(place)
    // Says that it is still written: see removeStaleDrafts.
    flock(descriptor.rawValue, LOCK_EX | LOCK_NB)
  }

  private static func begin(_ place: String) throws -> (FileDescriptor, Draft) {
    let directory = FilePath(place).removingLastComponent().string
    let unnamed = unsafe sonde_open_unnamed(directory.isEmpty ? "." : directory)
    if unnamed >= 0 { return (FileDescriptor(rawValue: unnamed), .unnamed) }
    // EOPNOTSUPP: the file system has no files without a name; EISDIR: nor has the kernel.
    guard errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL else {
      throw Errno(rawValue: errno)
    }
    let name = draftName(place)
    let file = try FileDescriptor.open(
      FilePath(name), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    unsafe sonde_remove_on_forced_exit(name)
    return (file, .named(name))
  }

  /// All is written: the file takes its place.
  ///
  /// - Throws: an `Errno` where it can't; ``discard()`` is still to be called.
  public func finish() throws {
    switch draft {
    case .none: break
    case .unnamed:
      // linkat(2) doesn't replace, rename(2) does, at once.
      let name = Self.draftName(place)
      let itself = "/proc/self/fd/\(descriptor.rawValue)"
      guard unsafe linkat(AT_FDCWD, itself, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 else {
        throw Errno(rawValue: errno)
      }
      try Self.move(name, to: place)
    case .named(let name):
      try Self.move(name, to: place)
      sonde_remove_on_forced_exit(nil)
    }
    try descriptor.close()
  }

  /// Nothing more comes; what was written in part is removed.
  public func discard() {
    if case .named(let name) = draft { unsafe unlink(name) }
  }

  private static func move(_ name: String, to place: String) throws {
    guard unsafe rename(name, place) != 0 else { return }
    let error = errno
    unsafe unlink(name)
    throw Errno(rawValue: error)
  }

  // MARK: - Names of drafts

  private static func draftName(_ place: String) -> String {
    "\(place).\(UInt32.random(in: .min ... .max)).part"
  }

  /// Removes what runs left that were killed while they wrote there.
  private static func removeStaleDrafts(of place: String) {
    guard let name = FilePath(place).lastComponent?.string else { return }
    let parent = FilePath(place).removingLastComponent()
    for found in names(in: parent.isEmpty ? "." : parent.string) {
      guard found.hasPrefix("\(name)."), found.hasSuffix(".part"),
        UInt32(found.dropFirst(name.utf8.count + 1).dropLast(5)) != nil
      else { continue }
      let path = parent.appending(found)
      guard
        let file = try? FileDescriptor.open(
          path, .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
      else { continue }
      defer { try? file.close() }
      // Whoever still writes it holds the lock.
      if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { unsafe unlink(path.string) }
    }
  }

  // MARK: -

  private static func pipe(_ place: String, end: UInt64) throws -> FileDescriptor {
    while true {
      do {
        return try FileDescriptor.open(
          FilePath(place), .writeOnly, options: [.nonBlocking, .closeOnExec])
      } catch Errno.noSuchAddressOrDevice where Terminal.left(end: end) > 0 {
        // No call waits for a reader and for something else.
        _ = sonde_wait_writable(-1, 20)
      }
    }
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
