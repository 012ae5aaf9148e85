import CCompression
import ExportProtos
import Faces
import FoundationEssentials
import SwiftProtobuf

/// A profile as `pprof` reads it: profile.proto, compressed by gzip (RFC 1952).
public enum Pprof {
  public static func file(_ profile: StackProfile) -> [UInt8] {
    var writer = Writer()
    return gzipped(writer.encoded(profile))
  }

  private struct Writer {
    private var strings = [""]
    private var indices: [String: Int64] = ["": 0]
    /// By name: a location for each function.
    private var locations: [String: UInt64] = [:]

    private mutating func index(_ text: String) -> Int64 {
      if let known = indices[text] { return known }
      let index = Int64(strings.count)
      strings.append(text)
      indices[text] = index
      return index
    }

    mutating func encoded(_ profile: StackProfile) -> [UInt8] {
      var written = PprofProfile()
      written.sampleType = profile.types.map { type in
        var value = PprofValueType()
        (value.type, value.unit) = (index(type.name), index(type.unit))
        return value
      }
      written.defaultSampleType = index(profile.types[profile.mainType].name)
      written.sample = profile.samples.map { sample in
        var value = PprofSample()
        value.locationID = sample.frames.map { frame in location(of: frame, in: &written) }
        value.value = sample.values.map { Int64(clamping: $0) }
        return value
      }
      let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
      if let start = try? Date(profile.start, strategy: style) {
        let (ns, overflow) = Int64(start.timeIntervalSince1970 * 1e3)
          .multipliedReportingOverflow(by: 1_000_000)
        if !overflow { written.timeNanos = ns }
      }
      written.durationNanos = Int64(clamping: profile.ns)
      written.stringTable = strings
      guard let bytes: [UInt8] = try? written.serializedBytes() else {
        preconditionFailure("a profile lacks a required field, of which there is none")
      }
      return bytes
    }

    private mutating func location(of frame: String, in profile: inout PprofProfile) -> UInt64 {
      if let known = locations[frame] { return known }
      let id = UInt64(locations.count + 1)
      locations[frame] = id
      var function = PprofFunction()
      // Viewers print names as they are.
      (function.id, function.name) = (id, index(escaped(frame)))
      profile.function.append(function)
      var line = PprofLine()
      line.functionID = id
      var location = PprofLocation()
      (location.id, location.line) = (id, [line])
      profile.location.append(location)
      return id
    }
  }

  /// windowBits of zlib: the largest window, and gzip's head and tail around it.
  private static let gzipWindow: Int32 = 15 + 16

  private static func gzipped(_ bytes: [UInt8]) -> [UInt8] {
    var stream = unsafe z_stream()
    guard
      unsafe deflateInit2_(
        &stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzipWindow, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { preconditionFailure("zlib has no memory, or is of another version") }
    defer { unsafe deflateEnd(&stream) }
    let most = unsafe Int(deflateBound(&stream, UInt(bytes.count)))
    var input = bytes
    return unsafe input.withUnsafeMutableBufferPointer { input in
      unsafe [UInt8](unsafeUninitializedCapacity: most) { output, count in
        unsafe stream.next_in = input.baseAddress
        unsafe stream.avail_in = UInt32(input.count)
        unsafe stream.next_out = output.baseAddress
        unsafe stream.avail_out = UInt32(most)
        // All of it at once: deflateBound() is what that takes.
        _ = unsafe deflate(&stream, Z_FINISH)
        count = unsafe Int(stream.total_out)
      }
    }
  }
}
