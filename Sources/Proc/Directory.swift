import Glibc

/// The names in a directory, in no order; none where it can't be read.
package func names(in directory: String) -> [String] {
  guard let stream = unsafe opendir(directory) else { return [] }
  defer { unsafe _ = closedir(stream) }
  var names: [String] = []
  while let entry = unsafe readdir(stream) {
    let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    names.append(name)
  }
  return names
}

/// Where a symbolic link leads; nil where there is none, or that is longer than any that is looked for.
func link(_ path: String) -> String? {
  var bytes = [UInt8](repeating: 0, count: 256)
  let count = unsafe bytes.withUnsafeMutableBytes { bytes in
    unsafe readlink(path, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
  }
  guard count >= 0, count < bytes.count else { return nil }
  return String(decoding: bytes[..<count], as: UTF8.self)
}
