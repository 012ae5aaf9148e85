/// The load averages (`/proc/loadavg`: man proc_loadavg(5), fs/proc/loadavg.c).
public struct LoadAverage: Sendable, Hashable {
  /// Runnable and uninterruptible tasks, averaged over 1, 5 and 15 minutes; to two digits, as the
  /// kernel gives them.
  public let load1: Double
  public let load5: Double
  public let load15: Double
  /// Tasks that run or wait for a CPU at this moment, the reading one among them.
  public let runnable: Int
  /// All tasks, threads counted singly.
  public let tasks: Int

  public static func current() throws(ProcError) -> LoadAverage {
    try read("/proc/loadavg", as: LoadAverage.init(parsing:))
  }

  /// From text such as "0.20 0.18 0.12 1/80 11206".
  public init?(parsing text: String) {
    guard let words = text.lines.first?.words, words.count == 5,
      let load1 = LoadAverage.load(words[0]), let load5 = LoadAverage.load(words[1]),
      let load15 = LoadAverage.load(words[2]), let (left, right) = words[3].cut(at: "/"),
      let runnable = Int(left), let tasks = Int(right)
    else { return nil }
    self.load1 = load1
    self.load5 = load5
    self.load15 = load15
    self.runnable = runnable
    self.tasks = tasks
  }

  /// `Double(_:)` alone would take "inf", "0x1p3" and "-1" too.
  private static func load(_ word: Substring) -> Double? {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard word.utf8.allSatisfy({ digits.contains($0) || $0 == UInt8(ascii: ".") }),
      let (_, hundredths) = word.cut(at: "."), hundredths.utf8.count == 2
    else { return nil }
    return Double(word)
  }
}
