import Reports

/// Tasks in uninterruptible sleep, by what they wait for.
extension Verdict {
  func uninterruptible() -> [VerdictPart] {
    let byCause = Dictionary(grouping: rows.filter { $0.state == .uninterruptible }, by: cause)
    return byCause.compactMap { cause, rows in
      let load = rows.load1
      guard isWorthACause(load) else { return nil }
      let subject = Subject(rows)
      let (text, advice) = words(cause, subject, rows)
      var evidence = ["\(number(load)) of load1 \(number(load1)) comes from this"]
      evidence += subject.largestSite.map { [$0] } ?? []
      switch cause {
      case .disk, .journal:
        if let disk, disk.share > 0.05 {
          evidence.append("disk \(disk.name) is busy \(percent(disk.share)) of the time")
        }
        evidence += stalls("I/O", pressure?.io)
      case .memory: evidence += memoryEvidence
      case .noWork: evidence.append("the CPUs are \(percent(meanIdle)) idle")
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

  private func words(
    _ cause: VerdictCause, _ subject: Subject, _ rows: [AttributionRow]
  ) -> (text: String, advice: String?) {
    switch cause {
    case .vforkParents:
      let parents = rows.reduce(0) { $0 + ($1.active ?? 0) }
      return (
        parents > 1
          ? "\(parents) parents are blocked in vfork() until the child execs or exits."
          : "\(subject.are) blocked in vfork() until the child execs or exits.",
        "Find out why the children take so long to exec: their parents sleep until then."
      )
    case .networkFileSystem:
      return (
        "\(subject.are) blocked on a remote file system (over the network, or FUSE).",
        "Check that server and the path to it: local CPUs and disks are not the bottleneck."
      )
    case .journal:
      return (
        "\(subject.are) blocked on a file-system journal.",
        "Fewer fsyncs, larger batches, or a faster disk for the journal."
      )
    case .memory: return ("\(subject.are) blocked on reclaim or swap.", Self.memoryAdvice)
    case .disk:
      return (
        "\(subject.are) blocked on disk I/O.",
        "A faster disk, more memory for the page cache, or fewer reads and writes."
      )
    case .kernelLock:
      return (
        "\(subject.are) blocked on a kernel lock.",
        "Find out who holds it, from the stacks of other tasks."
      )
    case .noWork:
      return (
        "This load isn't work: \(subject.are) in uninterruptible sleep.",
        "Nothing runs slower because of it: kernel threads may sleep that way when they have nothing "
          + "to do, and the kernel counts that."
      )
    default: return ("\(subject.are) in uninterruptible sleep.", nil)
    }
  }
}
