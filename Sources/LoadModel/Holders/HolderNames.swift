import Reports
import Tasks

extension SampleNames {
  /// A holder as a report has it.
  func part(of link: LockWaits.Link) -> BlockerPart {
    var part = BlockerPart(lock: link.wait.lock)
    (part.source, part.mount) = (link.server?.source, link.server?.point)
    if link.wait.isMmapLock {
      part.mmapLockOf = label(link.waiting)
    } else if let owner = link.wait.mmapOf {
      part.mmapLockOf = "\(processName(of: owner) ?? "(unknown)") (\(owner))"
    }
    guard let holder = link.holder else { return part }
    if link.wait.isUncertain { part.uncertain = true }
    if part.mmapLockOf == nil, link.wait.isHoldersMmapLock { part.mmapLockOf = label(holder.task) }
    (part.process, part.pid) = (processName(of: holder.task), holder.task.tgid)
    (part.comm, part.tid) = (holder.task.comm.text, holder.task.tid)
    part.kernelThread = holder.task.isKernelThread
    part.state = link.closesCycle ? .deadlocked : holder.state
    let site =
      holder.state == .uninterruptible ? sites.site(of: holder.task) : waitChannel(of: holder.task)
    (part.site, part.wait) = (site?.name, site?.kind)
    // By the time that the locks were looked at it had what it waited for.
    if holder.state == .uninterruptible, site?.kind == .lock, !link.holderWaits {
      (part.state, part.site, part.wait) = (.unknown, nil, nil)
    }
    if holder.state == .throttled { part.cgroup = quota(of: holder.task)?.path }
    return part
  }

  private func label(_ task: ActiveTask) -> String { "\(processName(of: task)) (\(task.tgid))" }
}
