import Histograms
import Reports
import Tasks

// Advice that depends on what the children are for.

/// The copy is what a clone costs, and the child throws it away: it calls exec at once.
///
/// Not of clones that copy nothing, and only where they are a good part of the whole.
func spawn(
  _ interval: CloneInterval, copied: Double, _ stacks: [StackPart]
) -> AdvicePart? {
  guard copied >= 0.5,
    let (group, all) = interval.childGroups.filter({ group, all in
      group.use == .execAtOnce && Double(all.sum.copied) >= 0.5 * Double(all.sum.born)
    }).max(by: {
      ($0.value.sum.cloneNs, $1.key.comm.text) < ($1.value.sum.cloneNs, $0.key.comm.text)
    }),
    Double(all.sum.cloneNs) >= 0.2 * Double(interval.clone.sum),
    let median = all.sum.exec.quantile(0.5)
  else { return nil }
  let name = group.comm.text
  let caller = stacks.first { $0.comm == name && $0.use == .execAtOnce }?.caller
  let place = caller.map { "in \($0)() " } ?? ""
  let sum = all.sum
  let known = sum.exec.count + sum.life.count + sum.lingering
  return AdvicePart(
    kind: .spawn,
    text:
      "\(name) forks only to start other programs: use posix_spawn(3) or vfork(2) \(place)instead of "
      + "fork: neither copies the address space.",
    evidence: [
      "\(sum.exec.count) of \(known) children called exec after \(milliseconds(Double(median))) "
        + "(median)",
      "\(percent(Double(sum.cloneNs) / Double(interval.clone.sum))) of all clones' time",
      "copying the address space takes at least \(percent(copied)) of a clone",
    ])
}

/// Whether a process' children can do without a large mapping: those that only call exec can, and of
/// those of which nothing is known it may be.
func canDoWithout(_ tgid: UInt32, _ interval: CloneInterval) -> Bool {
  var sum = ChildSum()
  for (key, one) in interval.parents where key.tgid == tgid { sum.add(one) }
  return [.execAtOnce, .unknown].contains(sum.use)
}
