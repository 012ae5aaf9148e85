import Glibc

/// The file behind a mapping, found but not yet opened for reading: that may do things where it is
/// a device.
package final class MappedFile: Sendable {
  /// What tells a file from all others, and from what it was before it was written anew.
  package struct Identity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let seconds: Int
    let nanoseconds: Int
  }

  package let identity: Identity
  private let descriptor: Int32

  /// Nil where the file can't be found, or is none that holds bytes.
  ///
  /// A path alone may lead to another file by now: only its inode number tells. The device's number
  /// doesn't, since btrfs and overlayfs give another one to stat(2) than to maps.
  package init?(_ mapping: Mapping, of pid: Int32) {
    let range = mapping.range
    let part = "\(String(range.lowerBound, radix: 16))-\(String(range.upperBound, radix: 16))"
    // As the process sees it, which may be in a container; as this process does, where the other
    // has only another root (chroot(2)); and, for those with CAP_SYS_ADMIN, the very file.
    let paths = [
      ("/proc/\(pid)/root\(mapping.name)", false), (mapping.name, false),
      ("/proc/\(pid)/map_files/\(part)", true), ("/proc/\(pid)/exe", false),
    ]
    for (path, isCertain) in paths where path.hasPrefix("/") {
      let descriptor = unsafe Glibc.open(path, MappedFile.pathOnly | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      var status = stat()
      if unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        isCertain || UInt64(status.st_ino) == mapping.file.inode
      {
        self.descriptor = descriptor
        identity = Identity(
          device: UInt64(status.st_dev), inode: UInt64(status.st_ino),
          size: Int64(status.st_size), seconds: status.st_mtim.tv_sec,
          nanoseconds: status.st_mtim.tv_nsec)
        return
      }
      close(descriptor)
    }
    return nil
  }

  deinit {
    close(descriptor)
  }

  /// Its functions; none where it may not be read.
  func symbols(debugDirectory: String) -> FileSymbols {
    guard let file = open() else { return FileSymbols() }
    defer { close(file) }
    return FileSymbols(descriptor: file, debugDirectory: debugDirectory)
  }

  /// For reading; nil where it may not be. To be closed by the caller.
  package func open() -> Int32? {
    let file = unsafe Glibc.open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
    return file >= 0 ? file : nil
  }

  /// O_PATH (man open(2)), which Swift's view of glibc leaves out.
  private static let pathOnly: Int32 = 0o10_000_000
}
