import CLinux
import Glibc
public import SystemPackage

/// Standard output and error, as they are.
public enum Terminal {
  public static func isTerminal(_ descriptor: FileDescriptor) -> Bool {
    isatty(descriptor.rawValue) == 1
  }

  /// Whether the terminal knows more than text: TERM is neither "dumb" nor missing.
  public static var understandsEscapes: Bool {
    let name = variable("TERM")
    return name != nil && name != "dumb"
  }

  /// See no-color.org: NO_COLOR is there and not empty.
  public static var colorIsUnwanted: Bool { variable("NO_COLOR") != nil }

  /// How wide a terminal is; what is usual where it is none or, as a serial one, doesn't tell.
  public static func columns(of descriptor: FileDescriptor) -> Int {
    size(of: descriptor)?.columns ?? 80
  }

  /// How high a terminal is, or what is usual.
  public static func rows(of descriptor: FileDescriptor) -> Int { size(of: descriptor)?.rows ?? 24 }

  private static func size(of descriptor: FileDescriptor) -> (columns: Int, rows: Int)? {
    var columns: Int32 = 0
    var rows: Int32 = 0
    guard unsafe sonde_terminal_size(descriptor.rawValue, &columns, &rows) == 0, columns > 0,
      rows > 0
    else { return nil }
    return (Int(columns), Int(rows))
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }

  /// Writes all of it, also where that takes several calls or has to wait.
  public static func write(_ text: String, to descriptor: FileDescriptor) throws(Errno) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      do {
        let count = try unsafe rest.withUnsafeBytes { bytes in
          try unsafe descriptor.write(UnsafeRawBufferPointer(bytes))
        }
        rest = rest.dropFirst(count)
      } catch Errno.resourceTemporarilyUnavailable {
        // Whoever shares the terminal or pipe may have made it non-blocking.
        var waiting = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
        unsafe poll(&waiting, 1, -1)
      } catch {
        throw error as? Errno ?? .ioError
      }
    }
  }
}
