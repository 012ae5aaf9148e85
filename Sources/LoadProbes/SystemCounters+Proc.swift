import LoadModel
import Proc

/// How `/proc` shows what the kernel counts of the whole system.
extension SystemCounters {
  static func current() -> SystemCounters {
    func text(_ name: String) -> String { (try? contents(of: "/proc/\(name)")) ?? "" }
    var counters = SystemCounters(
      stat: text("stat"), vmstat: text("vmstat"), diskstats: text("diskstats"))
    for (resource, source) in [
      (Resource.cpu, Pressure.Resource.cpu), (.io, .io), (.memory, .memory),
    ] {
      guard let pressure = Pressure.current(source) else { continue }
      counters.pressure[resource] = Stall(some: pressure.some, full: pressure.full)
    }
    return counters
  }

  /// From the texts of the files: `/proc/stat` (man proc_stat(5)), `/proc/vmstat`, `/proc/diskstats`
  /// (Documentation/admin-guide/iostats.rst, fields 1, 4, 5, 8 to 10). A line that isn't understood is left out.
  package init(stat: String, vmstat: String, diskstats: String) {
    self.init()
    for line in stat.lines {
      let words = line.words
      if line.hasPrefix("cpu"), let number = words.first.flatMap({ Int($0.dropFirst(3)) }) {
        // user nice system idle iowait irq softirq steal; guest time is in user time already.
        let times = words.dropFirst().prefix(8).compactMap { UInt64($0) }
        guard times.count == 8 else { continue }
        cpus[number] = CPU(
          total: times.reduce(0, &+), idle: times[3] &+ times[4], stolen: times[7], irq: times[5],
          softirq: times[6])
      } else if words.first == "processes", words.count == 2 {
        forks = UInt64(words[1])
      }
    }
    for line in vmstat.lines {
      let words = line.words
      guard words.count == 2, let value = UInt64(words[1]) else { continue }
      if words[0] == "pswpin" || words[0] == "pswpout" {
        swapped = (swapped ?? 0) &+ value
      }
    }
    requests = [:]
    for line in diskstats.lines {
      let words = line.words
      guard words.count >= 13, let busy = UInt64(words[12]) else { continue }
      disks[String(words[2])] = busy
      let figures = words.map { UInt64($0) ?? 0 }
      requests?[String(words[2])] = Requests(
        completed: figures[3] &+ figures[7], ms: figures[6] &+ figures[10], inFlight: figures[11])
    }
  }
}
