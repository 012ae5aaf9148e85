/// A place where a file system is mounted (`/proc/self/mountinfo`: man proc_pid_mountinfo(5)).
package struct Mount: Hashable {
  /// What of the file system is mounted; "/" for all of it.
  package let root: String
  /// Where.
  package let point: String
  /// The type of the file system, such as "cgroup2".
  package let type: String
  /// `st_dev` of its files: "8:1"; of file systems without a block device "0:38".
  package let device: String
  /// What the file system calls its device or server: "/dev/sda1", "nas:/export".
  package let source: String

  /// All that this process sees, in the order they were mounted.
  package static func all() throws(ProcError) -> [Mount] {
    let path = "/proc/self/mountinfo"
    return try Lookups.shared.result(of: path) { () throws(ProcError) in
      try read(path) { $0.lines.compactMap(Mount.init(parsing:)) }
    }
  }

  /// One that a task sees, by its number. May wait for a lock: see ``Lookups``.
  static func ofTask(_ tid: Int32, _ id: Substring) -> Mount? {
    (try? contents(of: "/proc/\(tid)/mountinfo"))?.lines.first { $0.hasPrefix("\(id) ") }
      .flatMap(Mount.init(parsing:))
  }

  /// Those of some types, of which a task may see thousands. May wait for a lock, too.
  static func ofTask(_ tid: Int32, where isWanted: (String) -> Bool) -> [Mount] {
    ((try? contents(of: "/proc/\(tid)/mountinfo"))?.lines ?? []).compactMap { line in
      let words = line.words
      guard let hyphen = words.dropFirst(6).firstIndex(of: "-"), hyphen + 1 < words.count,
        isWanted(String(words[hyphen + 1]))
      else { return nil }
      return Mount(parsing: line)
    }
  }

  package init(
    root: String, point: String, type: String, device: String = "", source: String = ""
  ) {
    (self.root, self.point, self.type) = (root, point, type)
    (self.device, self.source) = (device, source)
  }

  /// From a line such as "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw". Between the
  /// sixth field and the hyphen stand any number of others.
  package init?(parsing line: Substring) {
    let words = line.words
    guard words.count > 6, let hyphen = words[6...].firstIndex(of: "-"),
      hyphen + 1 < words.count
    else { return nil }
    root = Mount.unescaped(words[3])
    point = Mount.unescaped(words[4])
    type = String(words[hyphen + 1])
    device = String(words[2])
    source = hyphen + 2 < words.count ? Mount.unescaped(words[hyphen + 2]) : ""
  }

  /// Space, tab, newline, backslash and # come as `\040` and the like (`mangle` in fs/seq_file.c).
  private static func unescaped(_ word: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = word.utf8[...]
    while let byte = rest.popFirst() {
      let digits = Substring(rest.prefix(3))
      if byte == UInt8(ascii: "\\"), digits.utf8.count == 3, let code = UInt8(digits, radix: 8) {
        bytes.append(code)
        rest.removeFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
