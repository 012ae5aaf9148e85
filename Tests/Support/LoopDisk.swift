import Foundation

/// A file system of its own, ext4 on a loop device, gone with this object.
public final class LoopDisk {
  /// Where it is mounted.
  public let place: String
  /// "7:0".
  public let numbers: String

  /// - Parameter path: a folder to make it in.
  public init(at path: String) throws {
    place = path + "/mounted"
    let image = path + "/image"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    for command in [
      ["truncate", "-s", "200M", image], ["mkfs.ext4", "-q", "-F", image],
      ["mount", "-o", "loop", image, place],
    ] {
      let ended = try Command(command[0], Array(command.dropFirst())).wait()
      guard ended.status == 0 else { throw Load.Failure(ended.errors) }
    }
    var status = stat()
    guard stat(place, &status) == 0 else { throw Load.Failure("\(place): \(errno)") }
    // Of a loop device both are small: makedev(3).
    numbers = "\(status.st_dev >> 8 & 0xfff):\(status.st_dev & 0xff)"
  }

  deinit {
    _ = try? Command("umount", [place]).wait()
  }
}

/// Room to swap, gone with this object: what is in it goes back to memory then, if its owners haven't
/// ended.
public final class SwapFile {
  private let disk: LoopDisk
  private let path: String

  public init(on disk: LoopDisk) throws {
    self.disk = disk
    path = disk.place + "/swap"
    for command in [
      ["dd", "if=/dev/zero", "of=\(path)", "bs=1M", "count=150", "status=none"],
      ["chmod", "600", path], ["mkswap", "-q", path], ["swapon", path],
    ] {
      let ended = try Command(command[0], Array(command.dropFirst())).wait(seconds: 60)
      guard ended.status == 0 else { throw Load.Failure(ended.errors) }
    }
  }

  deinit {
    _ = try? Command("swapoff", [path]).wait(seconds: 60)
  }
}
