import Reports

/// Tasks in uninterruptible sleep, by what they wait for.
extension Verdict {
  func uninterruptible() -> [VerdictPart] {
    let byCause = Dictionary(grouping: rows.filter { $0.state == .uninterruptible }, by: cause)
    return byCause.compactMap { cause, rows in
      let load = rows.load1
      guard isWorthACause(load) else { return nil }
      let subject = Subject(rows)
      let root = ChainRoot(blocked.filter { self.cause(of: $0) == cause }, of: load)
      let (text, advice) =
        root.map { ($0.text, $0.advice) } ?? words(cause, subject, rows)
      var evidence = [
        Evidence(
          "accounts for \(number(load)) of \(whole)",
          [
            .init("load1_of_cause", load, "tasks"),
            .init("tasks", Double(rows.reduce(0) { $0 &+ ($1.active ?? 0) }), "tasks"),
          ] + subject.figures)
      ]
      evidence +=
        root?.evidence ?? subject.largestSite.map { [Evidence($0.text, $0.figures)] } ?? []
      switch cause {
      case .disk, .journal:
        evidence += diskEvidence
      case .memory: evidence += memoryEvidence
      case .noWork:
        evidence.append(
          Evidence(
            "the CPUs are \(percent(meanIdle)) idle", .init("cpus_idle", meanIdle, "ratio")))
      default: break
      }
      return part(cause, load / load1, text, evidence, advice)
    }
  }

  private func cause(_ row: AttributionRow) -> VerdictCause {
    switch row.wait {
    // A page that is waited for may come from swap, or have been thrown out a moment ago.
    case .disk: isShortOfMemory ? .memory : .disk
    case .journal: .journal
    case .networkFileSystem: .networkFileSystem
    case .memory: .memory
    case .lock: .kernelLock
    case .vfork: .vforkParents
    case .other where row.kernelThread && meanIdle > 0.2 && disk?.share ?? 0 < 0.2: .noWork
    case .other, .unknown, nil: .uninterruptible
    }
  }

  /// Of tasks that another one blocks; nil where what they wait for isn't its doing.
  private func cause(of blocked: BlockedPart) -> VerdictCause? {
    switch blocked.wait {
    case .lock: .kernelLock
    case .vfork: .vforkParents
    case .other, .unknown, nil: .uninterruptible
    case .journal: .journal
    case .networkFileSystem: .networkFileSystem
    case .disk, .memory: nil
    }
  }

  private func words(
    _ cause: VerdictCause, _ subject: Subject, _ rows: [AttributionRow]
  ) -> (text: String, advice: String?) {
    switch cause {
    case .vforkParents:
      let parents = rows.reduce(0) { $0 + ($1.active ?? 0) }
      return (
        parents > 1
          ? "\(parents) parents are blocked in vfork() until their children exec or exit."
          : "\(subject.are) blocked in vfork() until "
            + (subject.isPlural ? "their children exec or exit." : "the child execs or exits."),
        "Find out why the children take so long to exec: their parents sleep until then."
      )
    case .networkFileSystem:
      return (
        "\(subject.are) blocked on a network or FUSE file system.",
        "Check the file server and the network (or the FUSE daemon): local CPUs and disks are not the "
          + "bottleneck."
      )
    case .journal:
      return (
        "\(subject.are) blocked on a file-system journal.",
        "Call fsync less often, write in larger batches, or put the journal on a faster disk."
      )
    case .memory:
      return ("\(subject.are) blocked on memory reclaim or swap\(atMemoryLimit).", memoryAdvice)
    case .disk: return diskWords(subject)
    case .kernelLock:
      return (
        "\(subject.are) blocked on a kernel lock.",
        "Look for its holder in the kernel stacks of other tasks (/proc/PID/stack)."
      )
    case .noWork:
      return (
        "This load is probably not real work: \(subject.are) in uninterruptible sleep.",
        "It probably slows nothing down: some idle kernel threads sleep in "
          + "TASK_UNINTERRUPTIBLE instead of TASK_IDLE, so the load average counts them."
      )
    default: return ("\(subject.are) in uninterruptible sleep.", nil)
    }
  }
}
