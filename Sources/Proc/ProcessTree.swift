/// Who is whose child.
public enum ProcessTree {
  /// The processes below one, the nearest first: by the parents that /proc/PID/stat names (man
  /// proc_pid_stat(5)).
  public static func descendants(of pid: Int32) -> [Int32] {
    var children: [Int32: [Int32]] = [:]
    for process in all() {
      guard let text = try? contents(of: "/proc/\(process)/stat"), let parent = parent(in: text)
      else { continue }
      children[parent, default: []].append(process)
    }
    var found: [Int32] = []
    var next = [pid]
    while !next.isEmpty {
      next = next.flatMap { children[$0] ?? [] }.sorted().filter { !found.contains($0) }
      found += next
    }
    return found
  }

  package static func parent(in text: String) -> Int32? {
    let fields = fields(in: text)
    return fields.count > 1 ? Int32(fields[1]) : nil
  }

  /// R, S, D, T and so on; nil where it has gone.
  static func state(in text: String) -> Substring? { fields(in: text).first }

  /// From the third on: behind the name, which may hold anything.
  private static func fields(in text: String) -> [Substring] {
    guard let end = text.utf8.lastIndex(of: UInt8(ascii: ")")) else { return [] }
    return Substring(text.utf8[end...].dropFirst()).words
  }

  /// The topmost of its ancestors that have its own name, one above the other; nil where its parent has
  /// another.
  public static func server(of pid: Int32) -> Int32? {
    func name(_ pid: Int32) -> String? { (try? ProcessStatus.of(pid: pid))?.name }
    guard let own = name(pid) else { return nil }
    var (current, found) = (pid, Int32?.none)
    // Ids come again: a circle is no way up.
    for _ in 0..<16 {
      guard let text = try? contents(of: "/proc/\(current)/stat"), let parent = parent(in: text),
        parent > 1, name(parent) == own
      else { break }
      (current, found) = (parent, parent)
    }
    return found
  }

  /// Whether only its parent still knows of it.
  public static func isZombie(_ pid: Int32) -> Bool {
    guard let text = try? contents(of: "/proc/\(pid)/stat") else { return true }
    return fields(in: text).first == "Z"
  }

  /// Page faults without a read from disk, of the process and of the children that it waited for; nil
  /// where it has gone.
  public static func minorFaults(of pid: Int32) -> UInt64? {
    guard let text = try? contents(of: "/proc/\(pid)/stat") else { return nil }
    let fields = fields(in: text)
    guard fields.count > 8, let own = UInt64(fields[7]), let children = UInt64(fields[8]) else {
      return nil
    }
    return own &+ children
  }

  /// All processes, in the order of their ids.
  static func all() -> [Int32] { names(in: "/proc").compactMap { Int32($0) }.sorted() }
}
