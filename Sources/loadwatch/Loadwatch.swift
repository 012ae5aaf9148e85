import ArgumentParser
import CommandLine
import Exports
import Faces
import LoadProbes
import Pages
import Reports
import Screen

@main
struct Loadwatch: Tool {
  typealias Page = LoadPage
  typealias Trace = LoadTrace
  typealias Replay = ReplayCommand

  static let name = "loadwatch"

  static let configuration = CommandConfiguration(
    commandName: name,
    abstract:
      "Break the load average down by task and cause, and say whether the number matters.",
    usage: """
      loadwatch [<options>]
      loadwatch record [<options>]
      loadwatch replay [<options>] <file>
      loadwatch report <file> [-o <page>]
      loadwatch export [<options>]
      loadwatch info <file>
      loadwatch probes
      loadwatch merge [<options>] <files> ...
      """,
    discussion: """
      Examples:
        loadwatch                                  trace this machine, until Ctrl-C
        loadwatch --duration 10s                   for ten seconds
        loadwatch --pid 1234 --pid 1300            only these processes
        loadwatch --cgroup system.slice            only tasks in this cgroup
        loadwatch | tee log                        one line per interval, then a full report
        loadwatch --format json -o out.json        one object per interval
        loadwatch record --when "load1 > 2*cpus"   the minutes around a problem, in a file
        loadwatch replay loadwatch-....rec         report them, on any machine
        loadwatch report loadwatch-....rec         turn it into one HTML page to share
        loadwatch export                           serve metrics for Prometheus
        loadwatch probes                           what this kernel supports
        loadwatch merge web1.json web2.json        add up several hosts

      Needs root, or CAP_BPF and CAP_PERFMON.
      """,
    version: "0.1.0",
    subcommands: [
      RecordCommand.self, ReplayCommand.self, ReportCommand<Self>.self, ExportCommand.self,
      InfoCommand<Self>.self, ProbesCommand<Self>.self,
      MergeCommand<Self>.self,
    ])

  // Not a default subcommand: the help would not show its options.
  @OptionGroup var trace: TraceCommand

  static func main() { run() }

  func run() throws { try trace.run() }

  static func probes() -> [ProbePart] { loadProbes() }

  static func block(_ report: LoadSnapshot, _ layout: TextLayout) -> String {
    LoadText(columns: layout.columns, color: layout.color)
      .block(report, live: layout.live, rows: layout.rows)
  }

  static var screen: ScreenFace<LoadSnapshot> {
    ScreenFace(
      name: name, sentence: { $0.verdict?.first?.text }, nothing: "no verdict yet",
      report: { report, columns, color, bars in
        LoadText(columns: columns, color: color, bars: bars).block(report, live: false)
      },
      table: Table(
        title: "load1",
        columns: [
          .init("who", width: 0), .init("state", width: 7),
          .init("load1", width: 7) { decimalText($0, digits: 2) },
          .init("where it waits", width: 28),
          .init("cgroup", width: 28, isPath: true, leastScreen: 99),
        ],
        rows: { report in
          LoadTable().rows(report).map { row in
            .init(
              id: row.id, key: row.name,
              cells: [
                row.name, row.state, decimalText(row.load1, digits: 2), row.site, row.cgroup,
              ],
              numbers: [row.load1])
          }
        },
        figure: "load1",
        details: { LoadTable().details($0, of: $1, columns: $2) }),
      figures: [
        .init("load1") { $0.load.kernel.first ?? 0 },
        .init("R, mean") { $0.tasks.runnable.mean },
        .init("D, mean") { $0.tasks.uninterruptible.mean },
      ],
      maps: [
        .init("latency") { $0.histograms.runQueueLatency },
        .init("D time") { $0.histograms.blockedUninterruptible },
        .init("on CPU") { $0.histograms.onCPU },
      ],
      pages: [
        .init("waits") { LoadPages(columns: $1, color: $2, bars: $3).cpuWaits($0) },
        .init("holders") { LoadPages(columns: $1, color: $2, bars: $3).holders($0) },
        .init("cgroups") { LoadPages(columns: $1, color: $2, bars: $3).cgroups($0) },
      ])
  }

  static func line(_ report: LoadSnapshot, _ layout: TextLayout) -> String {
    LoadLine(columns: layout.columns, color: layout.color).line(report)
  }

  static func heading(_ layout: TextLayout) -> String {
    LoadLine(columns: layout.columns, color: layout.color).heading
  }
}
