import CLinux
import Glibc
import SystemPackage

/// Standard output and error, as they are.
enum Terminal {
  /// How wide a terminal is; nil where it is none.
  static func columns(of descriptor: FileDescriptor) -> Int? { size(of: descriptor)?.columns }

  static func rows(of descriptor: FileDescriptor) -> Int? { size(of: descriptor)?.rows }

  private static func size(of descriptor: FileDescriptor) -> (columns: Int, rows: Int)? {
    var columns: Int32 = 0
    var rows: Int32 = 0
    guard unsafe sonde_terminal_size(descriptor.rawValue, &columns, &rows) == 0, columns > 0 else {
      return nil
    }
    return (Int(columns), Int(rows))
  }

  /// Writes all of it.
  static func write(_ text: String, to descriptor: FileDescriptor) throws(Errno) {
    do {
      _ = try descriptor.writeAll(text.utf8)
    } catch {
      throw error as? Errno ?? .ioError
    }
  }
}
