import CExperiment
import Glibc

/// Settings of the machine that are changed for a while: they are put back whatever becomes of this
/// process, SIGKILL included, by one of its own that waits for its end.
public final class SettingsGuard {
  private var pipe: Int32 = -1
  private var process: pid_t = 0
  /// Once more here, should the other be killed.
  private var changed: [(path: String, value: String)] = []

  public init() {}

  deinit { putBack() }

  /// Writes a value to a setting's file.
  ///
  /// - Throws: ``SettingError`` where that isn't permitted, or can't be undone.
  public func set(_ path: String, to value: String) throws(SettingError) {
    guard let old = Self.value(of: path), unsafe access(path, W_OK) == 0 else {
      throw SettingError(path, errno)
    }
    if process == 0 {
      pipe = unsafe sonde_start_guard(&process)
      guard pipe >= 0 else {
        process = 0
        throw SettingError(path, errno)
      }
    }
    let line = Array("\(path) \(old)\n".utf8)
    guard unsafe Glibc.write(pipe, line, line.count) == line.count else {
      throw SettingError(path, errno)
    }
    changed.append((path, old))
    guard Self.write(value, to: path) else { throw SettingError(path, errno) }
  }

  /// All as it was.
  ///
  /// - Returns: the settings that could not be put back.
  @discardableResult
  public func putBack() -> [String] {
    guard process != 0 else { return [] }
    close(pipe)
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    process = 0
    defer { changed = [] }
    return status == 0
      ? [] : changed.reversed().filter { !Self.write($0.value, to: $0.path) }.map(\.path)
  }

  /// A number, or of a choice ("always [madvise] never") what is chosen.
  private static func value(of path: String) -> String? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let words = String(decoding: bytes[..<count], as: UTF8.self).split { " \n".contains($0) }
    guard words.count > 1 else { return words.first.map(String.init) }
    return words.first { $0.hasPrefix("[") }.map { String($0.dropFirst().dropLast()) }
  }

  private static func write(_ value: String, to path: String) -> Bool {
    let file = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    let bytes = Array(value.utf8)
    return unsafe Glibc.write(file, bytes, bytes.count) == bytes.count
  }
}

/// A setting of the machine could not be changed.
public struct SettingError: Error, CustomStringConvertible {
  public let path: String
  public let errno: Int32

  init(_ path: String, _ errno: Int32) { (self.path, self.errno) = (path, errno) }

  public var isNotPermitted: Bool { [EACCES, EPERM, EROFS].contains(errno) }

  public var description: String { "\(path): \(unsafe String(cString: strerror(errno)))" }
}
