/// What a task is and does (`/proc/PID/status`: man proc_pid_status(5), fs/proc/array.c).
public struct ProcessStatus: Sendable, Hashable {
  /// The process that the task is a thread of.
  public let tgid: Int32
  /// The task itself.
  public let pid: Int32
  /// The name with newline and backslash written `\n` and `\\`, as the file has it.
  public let name: String
  /// R, S, D, T, t, Z, X, I or P.
  public let state: Character
  /// Threads of the process; 0 of one that is gone.
  public let threads: Int
  /// Resident memory of the process in bytes. The kernel counts it in batches, so it may be some
  /// pages off. Nil for kernel threads and zombies, which have none.
  public let vmRSS: UInt64?
  /// Switches of this task, not of its process, because it blocked.
  public let voluntarySwitches: UInt64
  /// Switches of this task, not of its process, because another was to run.
  public let nonvoluntarySwitches: UInt64
  /// The task's ids in the PID namespaces below the reader's, the innermost last; none where it is in
  /// none.
  public let innerIDs: [Int32]
  /// CPUs that the task may run on: "0-3,8"; nil where the kernel doesn't show it.
  public let allowedCPUs: String?

  /// The status of a process, or of any task by its id.
  public static func of(pid: Int32) throws(ProcError) -> ProcessStatus {
    try read("/proc/\(pid)/status", as: ProcessStatus.init(parsing:))
  }

  /// From the text of the file; lines that aren't asked for may miss.
  public init?(parsing text: String) {
    let pairs = text.lines.compactMap { $0.cut(at: ":") }
    let fields = Dictionary(pairs) { first, _ in first }
    func number<Number: FixedWidthInteger>(_ key: Substring) -> Number? {
      guard let words = fields[key]?.words, words.count == 1 else { return nil }
      return Number(words[0])
    }
    guard let tgid: Int32 = number("Tgid"), let pid: Int32 = number("Pid"),
      let name = fields["Name"], name.utf8.first == UInt8(ascii: "\t"),
      let state = fields["State"]?.words.first?.first,
      let threads: Int = number("Threads"),
      let voluntary: UInt64 = number("voluntary_ctxt_switches"),
      let nonvoluntary: UInt64 = number("nonvoluntary_ctxt_switches")
    else { return nil }

    if let words = fields["VmRSS"]?.words {
      guard words.count == 2, words[1] == "kB", let kibibytes = UInt64(words[0]),
        kibibytes <= .max / 1024
      else { return nil }
      vmRSS = kibibytes * 1024
    } else {
      vmRSS = nil
    }
    innerIDs = fields["NSpid"]?.words.dropFirst().compactMap { Int32($0) } ?? []
    allowedCPUs = fields["Cpus_allowed_list"]?.words.first.map(String.init)
    self.tgid = tgid
    self.pid = pid
    self.name = String(Substring(name.utf8.dropFirst()))
    self.state = state
    self.threads = threads
    voluntarySwitches = voluntary
    nonvoluntarySwitches = nonvoluntary
  }
}
