import CSupport
public import Foundation

/// Data in zlib's format (RFC 1950).
public enum Compression {
  public static func compressed(_ bytes: [UInt8]) -> Data {
    var data = Data(count: sonde_compressed_bound(bytes.count))
    let room = data.count
    let count = data.withUnsafeMutableBytes { to in
      sonde_compress(bytes, bytes.count, to.baseAddress, room)
    }
    return data.prefix(count)
  }

  /// Nil where the data is damaged.
  ///
  /// - Parameter most: at least as many bytes as it becomes.
  public static func uncompressed(_ data: Data, most: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: most)
    let count = data.withUnsafeBytes { from in
      sonde_uncompress(from.baseAddress, data.count, &bytes, most)
    }
    return count == 0 ? nil : Array(bytes.prefix(count))
  }
}
