import CCompression

/// zstd (RFC 8878), and the CRC-32 of zlib.
@safe final class Compressor {
  private let context = unsafe ZSTD_createCCtx()
  /// The fastest of the usual levels: a recorder must not be what a machine is busy with.
  private static let level: Int32 = 1

  deinit { unsafe ZSTD_freeCCtx(context) }

  func compressed(_ bytes: [UInt8]) -> [UInt8] {
    let most = ZSTD_compressBound(bytes.count)
    return unsafe [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
      let size = unsafe ZSTD_compressCCtx(
        context, buffer.baseAddress, most, bytes, bytes.count, Self.level)
      // Only where there is no memory: what was to be compressed is then nothing.
      count = ZSTD_isError(size) != 0 ? 0 : size
    }
  }
}

@safe final class Decompressor {
  private let context = unsafe ZSTD_createDCtx()

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// Nil where it isn't exactly that many bytes compressed.
  func decompressed(_ bytes: [UInt8], count: Int) -> [UInt8]? {
    var size = 0
    let result = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      size = unsafe ZSTD_decompressDCtx(context, buffer.baseAddress, count, bytes, bytes.count)
      initialized = ZSTD_isError(size) != 0 ? 0 : size
    }
    return result.count == count && ZSTD_isError(size) == 0 ? result : nil
  }
}

func crc(of bytes: [UInt8]) -> UInt32 {
  UInt32(truncatingIfNeeded: unsafe crc32_z(0, bytes, bytes.count))
}
