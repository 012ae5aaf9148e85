import CFrames
import Glibc
import Symbols

/// The call-frame information of a file.
@safe
final class FileFrames: @unchecked Sendable {
  // Never written to once it is there.
  private let frames: OpaquePointer

  /// Nil where the file has none, or may not be read.
  init?(_ file: MappedFile) {
    guard let descriptor = file.open() else { return nil }
    defer { close(descriptor) }
    guard let frames = unsafe sonde_frames_open(descriptor) else { return nil }
    unsafe self.frames = frames
  }

  deinit { unsafe sonde_frames_close(frames) }

  /// Memory that it takes, bytes.
  var cost: Int { unsafe sonde_frames_size(frames) }

  enum Step { case stepped, nothingKnown, beyond, end }

  /// Makes the frame that of the caller.
  ///
  /// - Parameter offset: where the instruction pointer lies in the file.
  func step(at offset: UInt64, _ frame: inout sonde_frame, _ memory: sonde_memory) -> Step {
    var memory = unsafe memory
    switch unsafe sonde_frames_step(frames, offset, &frame, &memory) {
    case SONDE_FRAMES_STEPPED.rawValue: return .stepped
    case SONDE_FRAMES_NONE.rawValue: return .nothingKnown
    case SONDE_FRAMES_BEYOND.rawValue: return .beyond
    default: return .end
    }
  }
}
