/// For how long tasks had to wait for something, ever-growing (`/proc/pressure`: Documentation/
/// accounting/psi.rst).
public struct Pressure: Sendable, Equatable, Codable {
  /// Some task, and all tasks that weren't idle; us.
  public var some: UInt64
  public var full: UInt64

  public enum Resource: String, Sendable, CaseIterable, Codable {
    case cpu, io, memory
  }

  /// Nil where the kernel doesn't account for it.
  public static func current(_ resource: Resource) -> Pressure? {
    (try? contents(of: "/proc/pressure/\(resource.rawValue)")).flatMap(Pressure.init(parsing:))
  }

  /// From the text of the file.
  package init?(parsing text: String) {
    var totals: [Substring: UInt64] = [:]
    for line in text.lines {
      let words = line.words
      guard let kind = words.first, let total = words.last?.cut(at: "="), total.0 == "total" else {
        continue
      }
      totals[kind] = UInt64(total.1)
    }
    guard let some = totals["some"] else { return nil }
    self.some = some
    full = totals["full"] ?? 0
  }
}
