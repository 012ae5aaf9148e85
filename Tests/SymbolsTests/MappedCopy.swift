import Foundation
import Glibc
import Support
import Testing

/// An ELF file of 64 bits as bytes, as far as the tests have to know it.
struct Image {
  var bytes: [UInt8]

  init(_ url: URL = Binaries.url("testload")) throws {
    bytes = Array(try Data(contentsOf: url))
  }

  func number(at place: Int, bytes count: Int) -> Int {
    (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << ($1 * 8) }
  }

  /// Where in the file the function lies that the kernel begins with, which is `_start`.
  var entry: UInt64 {
    let address = number(at: 0x18, bytes: 8)
    let (table, size) = (number(at: 0x20, bytes: 8), number(at: 0x36, bytes: 2))
    for index in 0..<number(at: 0x38, bytes: 2) {
      let header = table + index * size
      let start = number(at: header + 16, bytes: 8)
      if number(at: header, bytes: 4) == 1,
        (start..<start + number(at: header + 32, bytes: 8)).contains(address)
      {
        return UInt64(address - start + number(at: header + 8, bytes: 8))
      }
    }
    return 0
  }

  /// Without its .symtab, as strip(1) leaves it.
  var stripped: Image {
    var copy = self
    let (table, size) = (number(at: 0x28, bytes: 8), number(at: 0x3a, bytes: 2))
    for index in 0..<number(at: 0x3c, bytes: 2) {
      let type = table + index * size + 4
      if number(at: type, bytes: 4) == 2 { copy.bytes[type] = 0 }
    }
    return copy
  }

  /// The digits of the id in its note, of 20 bytes.
  var buildID: String? {
    let start: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4e, 0x55, 0]
    for place in stride(from: 0, to: min(bytes.count, 8192) - 36, by: 4)
    where bytes[place..<place + 16].elementsEqual(start) {
      return bytes[place + 16..<place + 36].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        .joined()
    }
    return nil
  }
}

/// A directory that goes with this object.
final class Scratch {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "symbols-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  /// An executable file.
  func write(_ image: Image, _ name: String) throws -> URL {
    let file = url.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(image.bytes).write(to: file)
    chmod(file.path, 0o755)
    return file
  }
}

/// A file mapped as code into this process, all of it, though it never runs.
final class MappedCode {
  let start: UInt64
  private let size: Int

  init(_ file: URL) throws {
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    size = Int(lseek(descriptor, 0, SEEK_END))
    let memory = mmap(nil, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, descriptor, 0)
    try #require(memory != MAP_FAILED)
    start = UInt64(UInt(bitPattern: memory))
  }

  deinit {
    munmap(UnsafeMutableRawPointer(bitPattern: UInt(start)), size)
  }
}

/// What the kernel told a program at its start (man getauxval(3)).
func auxiliary(_ key: UInt64, of pid: Int32) throws -> UInt64 {
  let bytes = try Data(contentsOf: URL(filePath: "/proc/\(pid)/auxv"))
  let words = bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
  let place = stride(from: 0, to: words.count - 1, by: 2).first { words[$0] == key }
  return words[try #require(place) + 1]
}

let entryPoint: UInt64 = 9  // AT_ENTRY
let randomBytes: UInt64 = 25  // AT_RANDOM
let vdso: UInt64 = 33  // AT_SYSINFO_EHDR
