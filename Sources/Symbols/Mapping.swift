package import Proc

/// A part of a process's memory (`/proc/PID/maps`: man proc_pid_maps(5), fs/proc/task_mmu.c).
package struct Mapping: Hashable, Sendable {
  package let range: Range<UInt64>
  package let isExecutable: Bool
  /// Where in the file it begins.
  package let offset: UInt64
  /// The device and the inode number of the file; the number is 0 where there is no file.
  package let file: File
  /// The path of the file, "[heap]" and the like, or nothing.
  package let name: String

  package struct File: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64
  }

  /// Where in the file an address of this mapping lies. A mapping that was made up may exceed all
  /// files.
  package func fileOffset(of address: UInt64) -> UInt64 { address - range.lowerBound &+ offset }

  /// The last part of the path.
  var basename: Substring {
    let path = name.hasSuffix(Mapping.deleted) ? name.dropLast(Mapping.deleted.count) : name[...]
    return path.split(separator: "/").last ?? path
  }

  /// What the kernel writes behind the path of a file that has none any more.
  private static let deleted = " (deleted)"

  /// All of a process, in ascending order; a kernel thread has none.
  package static func all(of pid: Int32) throws(ProcError) -> [Mapping] {
    let path = "/proc/\(pid)/maps"
    let text = try Lookups.shared.result(of: path) { () throws(ProcError) in
      try bytes(of: path)
    }
    guard let mappings = all(parsing: text) else {
      throw ProcError(path, "unexpected format")
    }
    return mappings
  }

  /// The one of them that holds an address; they are in ascending order.
  package static func holding(_ address: UInt64, among mappings: [Mapping]) -> Mapping? {
    var (low, high) = (0, mappings.count)
    while low < high {
      let middle = (low + high) / 2
      if mappings[middle].range.upperBound <= address {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low < mappings.count && mappings[low].range.contains(address) ? mappings[low] : nil
  }

  /// From lines such as "7f6f521ca000-7f6f52320000 r-xp 00026000 fe:00 333151   /usr/lib/libc.so.6".
  static func all(parsing text: [UInt8]) -> [Mapping]? {
    var mappings: [Mapping] = []
    var scanner = Scanner(text)
    while !scanner.isAtEnd {
      guard let start = scanner.number(radix: 16), scanner.skip("-"),
        let end = scanner.number(radix: 16), scanner.skip(" "), start < end,
        start >= mappings.last?.range.upperBound ?? 0
      else { return nil }
      let rights = scanner.upTo { $0 == UInt8(ascii: " ") }
      guard rights.count == 4, scanner.skip(" "),
        let offset = scanner.number(radix: 16), scanner.skip(" "),
        let major = scanner.number(radix: 16), scanner.skip(":"),
        let minor = scanner.number(radix: 16), scanner.skip(" "),
        let inode = scanner.number(radix: 10)
      else { return nil }
      while scanner.skip(" ") {}
      let bytes = text[scanner.upTo()]
      scanner.skipLine()

      // Most files are mapped in several parts: they share their name.
      var name = ""
      if let last = mappings.last?.name, last.utf8.elementsEqual(bytes) {
        name = last
      } else {
        name = String(decoding: bytes, as: UTF8.self)
      }
      mappings.append(
        Mapping(
          range: start..<end, isExecutable: text[rights.lowerBound + 2] == UInt8(ascii: "x"),
          offset: offset, file: File(device: major << 32 | minor, inode: inode), name: name))
    }
    return mappings
  }
}
