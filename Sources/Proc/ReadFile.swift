import Glibc

/// A whole file as text; bytes that are not UTF-8, which task names may hold, become U+FFFD.
package func contents(of path: String) throws(ProcError) -> String {
  String(decoding: try bytes(of: path), as: UTF8.self)
}

/// A whole file. Files of the kernel have no size to go by: they are read until nothing comes.
///
/// - Parameter enough: to read no more once so many bytes are there.
package func bytes(of path: String, enough: Int = .max) throws(ProcError) -> [UInt8] {
  let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw ProcError(path, errno: errno) }
  defer { close(file) }

  let size = 16384
  var chunk = [UInt8](repeating: 0, count: size)
  var bytes: [UInt8] = []
  while bytes.count < enough {
    let count = unsafe read(file, &chunk, size)
    if count > 0 {
      bytes += chunk[..<count]
    } else if count == 0 {
      return bytes
    } else if errno != EINTR {
      throw ProcError(path, errno: errno)
    }
  }
  return bytes
}

/// What a file says, by a function that gives nil for text it doesn't understand.
package func read<Value>(
  _ path: String, as parse: (String) -> Value?
) throws(ProcError) -> Value {
  guard let value = parse(try contents(of: path)) else {
    throw ProcError(path, "unexpected format")
  }
  return value
}
