/// What the load attribution tells tasks apart by.
public enum Grouping: String, Codable, Sendable, CaseIterable {
  case process, thread, cgroup, container, unit, user, comm, state, site
}

/// What makes a task count in the load average.
public enum LoadState: String, Codable, Sendable, CaseIterable {
  /// On a CPU, or waiting for one.
  case runnable = "R"
  /// In uninterruptible sleep, as `task_contributes_to_load()` has it: without TASK_IDLE.
  case uninterruptible = "D"
}

/// What a task in uninterruptible sleep waits for, by the kernel functions on its stack.
public enum WaitKind: String, Codable, Sendable, CaseIterable {
  /// A parent, for its child to exec or exit.
  case vfork
  /// A file system's server, over the network or in FUSE.
  case networkFileSystem = "network_fs"
  /// Swap or reclaim.
  case memory
  case journal, lock, disk
  /// None of these.
  case other
  /// The stack wasn't seen, or the kernel's symbols are hidden.
  case unknown
}

/// The load averages, broken down. For each of load1, load5 and load15 all `rows`, `delayed`,
/// `beforeRun` and `unattributed` add up to `load.kernel`. Lists of three are in that order.
public struct AttributionPart: Codable, Sendable, Equatable {
  /// What the rows are told apart by, besides the state.
  public var by: [Grouping]
  /// The largest part of load1 first.
  public var rows: [AttributionRow]
  /// Tasks that slept when the kernel counted them, but were still on a run queue (DELAY_DEQUEUE, since
  /// Linux 6.12).
  public var delayed: [Double]
  /// What is left in each average of the time before this run.
  public var beforeRun: [Double]
  /// What is left to attribute; below zero where more tasks were seen than the kernel counted.
  public var unattributed: [Double]

  public init(
    by: [Grouping], rows: [AttributionRow], delayed: [Double], beforeRun: [Double],
    unattributed: [Double]
  ) {
    self.by = by
    self.rows = rows
    self.delayed = delayed
    self.beforeRun = beforeRun
    self.unattributed = unattributed
  }

  enum CodingKeys: String, CodingKey {
    case by, rows, delayed, unattributed
    case beforeRun = "before_run"
  }
}

/// A group of tasks and its part of the load averages. What the rows are not told apart by is nil; but a row
/// by process or thread has the cgroup that it was last seen in, if its path is known and all in the row share it.
public struct AttributionRow: Codable, Sendable, Hashable {
  public var state: LoadState
  /// The process: its leader's name, and its id; no id where the row holds several.
  public var process: String?
  public var pid: UInt32?
  /// The task: its own name, and its id.
  public var comm: String?
  public var tid: UInt32?
  public var cgroup: String?
  /// The container's id, or its name where its runtime has no ids; "(no container)" outside of any.
  public var container: String?
  /// The uid of the Kubernetes pod that the container is of.
  public var pod: String?
  /// The systemd unit, as systemctl(1) takes it; "(no unit)" outside of any.
  public var unit: String?
  public var user: String?
  /// In uninterruptible sleep: the kernel function that shows what for, with the kind of lock if it is
  /// one.
  public var site: String?
  public var wait: WaitKind?
  public var kernelThread: Bool
  /// True on a row of many small groups that share no name.
  public var folded: Bool?
  /// How many processes are in the row (or threads, or whatever rows are told apart by): 1, unless it
  /// stands for several. Of those that were folded while the run went on: the most at one load sample.
  public var count: Int
  /// Tasks of the row that were active at the last load sample; nil after a merge.
  public var active: UInt64?
  public var load1: Double
  public var load5: Double
  public var load15: Double

  public init(
    state: LoadState, process: String? = nil, pid: UInt32? = nil, comm: String? = nil,
    tid: UInt32? = nil, cgroup: String? = nil, container: String? = nil, pod: String? = nil,
    unit: String? = nil, user: String? = nil, site: String? = nil,
    wait: WaitKind? = nil, kernelThread: Bool = false, folded: Bool? = nil, count: Int = 1,
    active: UInt64? = nil, load1: Double = 0, load5: Double = 0, load15: Double = 0
  ) {
    self.state = state
    self.process = process
    self.pid = pid
    self.comm = comm
    self.tid = tid
    self.cgroup = cgroup
    self.container = container
    self.pod = pod
    self.unit = unit
    self.user = user
    self.site = site
    self.wait = wait
    self.kernelThread = kernelThread
    self.folded = folded
    self.count = count
    self.active = active
    self.load1 = load1
    self.load5 = load5
    self.load15 = load15
  }

  enum CodingKeys: String, CodingKey {
    case state, process, pid, comm, tid, cgroup, container, pod, unit, user, site, wait
    case folded, count, active
    case kernelThread = "kernel_thread"
    case load1, load5, load15
  }
}

extension AttributionRow {
  /// Who it is, without its figures: equal for rows that belong together.
  public var identity: AttributionRow {
    var row = self
    (row.count, row.active) = (1, nil)
    (row.load1, row.load5, row.load15) = (0, 0, 0)
    return row
  }

  /// Adds another row's part of the averages, and its active tasks.
  public mutating func add(_ other: AttributionRow) {
    load1 += other.load1
    load5 += other.load5
    load15 += other.load15
    active = active.flatMap { own in other.active.map { own &+ $0 } } ?? active ?? other.active
  }

  /// Who it is, as people write it: "nginx (812)", "nginx (8 processes)". Not escaped.
  ///
  /// - Parameter by: what the rows are told apart by.
  public func label(by: [Grouping]) -> String {
    if folded == true { return count > 1 ? "others (\(count))" : "others" }
    let names: [String] = by.compactMap { grouping in
      switch grouping {
      case .state, .site: nil
      case .process: Self.named(process, pid, several: count > 1 ? "\(count) processes" : nil)
      case .thread: Self.named(comm, tid, several: count > 1 ? "\(count) threads" : nil)
      case .comm: Self.named(comm, nil)
      case .cgroup: Self.named(cgroup, nil)
      case .container: Self.named(container.map(ContainerID.shown), nil)
      case .unit: Self.named(unit.map(UnitName.unescaped), nil)
      case .user: Self.named(user, nil)
      }
    }
    guard names.isEmpty else { return names.joined(separator: ", ") }
    return state == .runnable ? "runnable" : "uninterruptible"
  }

  private static func named(_ name: String?, _ id: UInt32?, several: String? = nil) -> String {
    guard let name else { return "(unknown)" }
    // A task may call itself nothing at all (prctl(2), PR_SET_NAME).
    let shown = name.isEmpty ? "\"\"" : name
    return (id.map(String.init) ?? several).map { "\(shown) (\($0))" } ?? shown
  }
}

extension AttributionPart {
  /// With those of one name as one row, in whatever cgroups they are.
  public var acrossCgroups: AttributionPart {
    var part = self
    part.rows = rows.foldedByName(by: by, acrossCgroups: true).sorted {
      ($0.folded == true) == ($1.folded == true)
        ? AttributionRow.precedes($0, $1) : $1.folded == true
    }
    return part
  }
}

extension [AttributionRow] {
  /// Of processes of one name that wait for the same no one tells one from the other.
  ///
  /// - Parameter acrossCgroups: whether that goes for those of different cgroups too.
  package func foldedByName(by: [Grouping], acrossCgroups: Bool) -> Self {
    guard by.contains(.process), by.allSatisfy({ [.process, .site, .state].contains($0) }) else {
      return self
    }
    let alike = Dictionary(grouping: self) { row in
      var name = row.identity
      name.pid = nil
      if acrossCgroups { name.cgroup = nil }
      return name
    }
    return alike.flatMap { name, rows in
      let count = rows.reduce(0) { $0 &+ $1.count }
      guard count > 2, name.process != nil, var sum = rows.first else { return rows }
      for row in rows.dropFirst() {
        sum.add(row)
        if row.cgroup != sum.cgroup { sum.cgroup = nil }
      }
      (sum.pid, sum.count) = (nil, count)
      return [sum]
    }
  }
}

extension AttributionPart {
  /// Means, weighted by time as those of the kernel's averages are; who isn't in one has 0 there.
  func merged(_ weight: UInt64, with other: Self, _ otherWeight: UInt64) -> Self {
    func mean(_ part: KeyPath<Self, [Double]>) -> [Double] {
      zip(self[keyPath: part], other[keyPath: part]).map {
        weighted($0, weight, $1, otherWeight) ?? 0
      }
    }
    return AttributionPart(
      by: by.union(other.by), rows: mergedRows(weight, with: other, otherWeight),
      delayed: mean(\.delayed), beforeRun: mean(\.beforeRun), unattributed: mean(\.unattributed))
  }

  private func mergedRows(
    _ weight: UInt64, with other: Self, _ otherWeight: UInt64
  ) -> [AttributionRow] {
    let all = Double(weight) + Double(otherWeight)
    guard all > 0 else { return rows }
    var sums: [AttributionRow: AttributionRow] = [:]
    for (rows, weight) in [(rows, weight), (other.rows, otherWeight)] {
      for var row in rows {
        row.active = nil
        row.load1 *= Double(weight) / all
        row.load5 *= Double(weight) / all
        row.load15 *= Double(weight) / all
        // The cgroup of a process may be known later, or change: it is the last that counts.
        var identity = row.identity
        if !by.contains(.cgroup), row.pid != nil || row.tid != nil { identity.cgroup = nil }
        let known = sums[identity]
        if let known {
          row.add(known)
          row.cgroup = row.cgroup ?? known.cgroup
        }
        row.count = Swift.max(row.count, known?.count ?? 1)
        sums[identity] = row
      }
    }
    return sums.values.sorted { AttributionRow.precedes($0, $1) }
  }
}

extension AttributionRow {
  /// The largest part of load1 first, and always in the same order.
  public static func precedes(_ one: AttributionRow, _ two: AttributionRow) -> Bool {
    if one.load1 != two.load1 { return one.load1 > two.load1 }
    func names(_ row: AttributionRow) -> [String] {
      [
        row.process, row.comm, row.cgroup, row.container, row.pod, row.unit, row.user, row.site,
        row.state.rawValue,
      ].map { $0 ?? "" }
    }
    let (first, second) = (names(one), names(two))
    if first != second { return first.lexicographicallyPrecedes(second) }
    return (one.pid ?? 0, one.tid ?? 0) < (two.pid ?? 0, two.tid ?? 0)
  }
}
