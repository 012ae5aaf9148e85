import Reports

/// What the verdict asks the machine about a process, and limits of cgroups that hold tasks up.
extension Verdict {
  /// What would help to judge.
  public var wanted: [Lookup] {
    [
      needsAffinityOf.map { .affinity(process: $0) },
      largest(.disk).map { .limit(.io, process: $0) },
      memoryVictim.map { .limit(.memory, process: $0) },
    ].compactMap { $0 }
  }

  /// Where the process may run that ``needsAffinityOf`` names.
  var affinity: Affinity? {
    needsAffinityOf.flatMap { facts[.affinity(process: $0)] }.flatMap { answer in
      answer.count.map { Affinity(list: answer.text ?? "", count: $0) }
    }
  }

  /// The process with the largest part of those that wait for that.
  private func largest(_ wait: WaitKind) -> UInt32? {
    rows.filter { $0.wait == wait && $0.pid != nil && !$0.kernelThread }
      .max { $0.load1 < $1.load1 }?.pid
  }

  // MARK: - I/O

  /// Below that a disk is no bottleneck.
  private static let mostlyIdle = 0.5

  /// An I/O limit of the largest victim's cgroup, where it can't be a disk that it waits for: all that are
  /// known are mostly idle, the limited one among them.
  var ioLimit: LimitSetting? {
    guard let limit = largest(.disk).flatMap({ facts[.limit(.io, process: $0)]?.limit }),
      disks.contains(where: { $0.name == limit.device }),
      disks.allSatisfy({ $0.share < Self.mostlyIdle })
    else { return nil }
    return limit
  }

  /// What disks have to do with it.
  var diskEvidence: [Evidence] {
    var evidence: [Evidence] = []
    if let limit = ioLimit {
      evidence.append(
        Evidence(
          "\(limit.file) of \(limit.path): \(limit.setting)"
            + (limit.device.map { " on \($0)" } ?? "")))
    }
    if let disk, disk.share > 0.05 {
      var text = "disk \(disk.name) was busy \(percent(disk.share)) of the time"
      var figures = [EvidenceFigure("disk_busy", disk.share, "ratio")]
      if let ms = disk.requestMs {
        text += ms < 1 ? ", less than 1 ms a request" : ", \(number(ms)) ms a request"
        figures.append(EvidenceFigure("disk_request", ms * 1e6, "ns"))
      }
      if let inFlight = disk.inFlight, inFlight > 0 {
        text += ", \(inFlight) in flight"
        figures.append(EvidenceFigure("disk_in_flight", Double(inFlight), "requests"))
      }
      evidence.append(Evidence(text, figures))
    } else if !disks.isEmpty {
      evidence.append(
        Evidence(
          "no disk was busy for more than 5 % of the time (/proc/diskstats)",
          .init("disk_busy", disk?.share ?? 0, "ratio")))
    }
    return evidence + stalls("I/O", "io_pressure", pressure?.io)
  }

  /// Nobody's disk is the bottleneck.
  private var noDiskIsBusy: Bool { disk.map { $0.share < 0.05 } ?? false }

  func diskWords(_ subject: Subject) -> (text: String, advice: String?) {
    if let limit = ioLimit {
      return (
        // The others' cgroups weren't looked at.
        subject.isPlural
          ? "\(subject.are) blocked on disk I/O while the disks are mostly idle; at least one of the processes "
            + "is subject to the I/O limit of cgroup \(limit.path)."
          : "\(subject.are) blocked on disk I/O, held back by the I/O limit of cgroup \(limit.path).",
        "Raise the limit (\(limit.file)): the disk itself could do more."
      )
    }
    return (
      "\(subject.are) blocked on disk I/O" + (noDiskIsBusy ? ", but no disk is busy." : "."),
      noDiskIsBusy
        ? "Something holds the I/O back before it gets to a disk: an I/O limit of a cgroup (io.max, "
          + "blkio.throttle.*), or a layer above the disks (device mapper, multipath)."
        : "Use a faster disk, add memory for the page cache, or do less I/O."
    )
  }

  // MARK: - Memory

  /// Whose cgroup may be at its limit.
  private var memoryVictim: UInt32? {
    largest(.memory)
      ?? (isShortOfMemory
        ? largest(.disk)
          ?? rows.filter { $0.state == .runnable && $0.pid != nil && !$0.kernelThread }
          .max { $0.load1 < $1.load1 }?.pid : nil)
  }

  private var memoryLimit: LimitSetting? {
    memoryVictim.flatMap { facts[.limit(.memory, process: $0)]?.limit }
  }

  var memoryLimitEvidence: [Evidence] {
    guard let limit = memoryLimit, let bytes = UInt64(limit.setting), let used = limit.used else {
      return []
    }
    let (most, now) = (Double(bytes) / 1_048_576, Double(used) / 1_048_576)
    return [
      Evidence(
        "\(limit.path) uses \(number(now)) of \(number(most)) MiB (\(limit.file))",
        .init("cgroup_memory", now, "MiB"), .init("cgroup_memory_limit", most, "MiB"))
    ]
  }

  /// What follows a statement: ": cgroup /pg is close to its memory limit".
  var atMemoryLimit: String {
    memoryLimit.map { ": cgroup \($0.path) is close to its memory limit" } ?? ""
  }

  var memoryAdvice: String {
    memoryLimit.map {
      "Raise \($0.file) of \($0.path), or run less in it: the time goes into reclaim and swapping."
    } ?? Self.memoryAdvice
  }

  static let memoryAdvice =
    "Add memory, raise the cgroup's memory.max, or run less: the time goes into reclaim and swapping."
}
