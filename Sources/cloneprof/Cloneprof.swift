import ArgumentParser
import CloneProbes
import CommandLine
import Exports
import Faces
import Pages
import Reports
import Screen

@main
struct Cloneprof: Tool {
  typealias Page = ClonePage
  typealias Trace = CloneTrace
  typealias Replay = ReplayCommand

  static let name = "cloneprof"

  static let configuration = CommandConfiguration(
    commandName: name,
    abstract:
      "Show where fork, vfork and clone calls spend their time, and what would make them faster.",
    usage: """
      cloneprof [<options>]
      cloneprof [<options>] -- <command> [<arguments> ...]
      cloneprof record [<options>] [-- <command> [<arguments> ...]]
      cloneprof replay [<options>] <file>
      cloneprof report <file> [-o <page>]
      cloneprof export [<options>]
      cloneprof info <file>
      cloneprof demo [--rss <size>]
      cloneprof try [<options>] -- <command> [<arguments> ...]
      cloneprof collapse --pid <id> [--dry-run]
      cloneprof probes
      cloneprof merge [<options>] <files> ...
      cloneprof compare [<options>] <baseline> <file> ...
      """,
    discussion: """
      Examples:
        cloneprof                                  all clones, until Ctrl-C
        cloneprof --pid 1234                       only those of one process
        cloneprof --pid 1234 --clones 20           stop after 20 clones
        cloneprof --comm redis-server --duration 5m
        cloneprof -- make -j8                      profile a command until it exits
        cloneprof | tee log                        one line per interval, then a full report
        cloneprof --format json -o out.json        one object per interval
        cloneprof record --when "clone.max > 100ms"
        cloneprof replay cloneprof-....rec         report a recording, on any machine
        cloneprof report cloneprof-....rec         turn it into one HTML page to share
        cloneprof export                           serve metrics for Prometheus
        cloneprof demo --rss 4G                    what a fork takes here, by page size
        cloneprof try -- ./server                  the program as it is, and with huge pages
        cloneprof collapse --pid 1234 --dry-run    what a process would gain from huge pages
        cloneprof compare before.json after.json   what changed, and whether it is noise
        cloneprof probes                           what this kernel supports

      Needs root; where the kernel has fentry, CAP_BPF and CAP_PERFMON suffice.
      """,
    version: "0.1.0",
    subcommands: [
      DemoCommand.self, TryCommand.self, CollapseCommand.self, CompareCommand.self,
      RecordCommand.self, ReplayCommand.self, ReportCommand<Self>.self, ExportCommand.self,
      InfoCommand<Self>.self,
      ProbesCommand<Self>.self,
      MergeCommand<Self>.self,
    ])

  // Not a default subcommand: the help would not show its options.
  @OptionGroup var trace: TraceCommand

  static func main() { run() }

  func run() throws { try trace.run() }

  static func probes() throws -> [ProbePart] { try cloneProbes() }

  static func block(_ report: CloneSnapshot, _ layout: TextLayout) -> String {
    CloneText(columns: layout.columns, color: layout.color)
      .block(report, live: layout.live, rows: layout.rows)
  }

  static var screen: ScreenFace<CloneSnapshot> {
    ScreenFace(
      name: name, sentence: { $0.advice.first?.text }, nothing: "no advice yet",
      report: { report, columns, color, bars in
        CloneText(columns: columns, color: color, bars: bars).block(report, live: false)
      },
      table: Table(
        title: "callers",
        columns: [
          .init("caller", width: 0), .init("use", width: 12),
          .init("time", width: 8) { durationText(ns: UInt64(clamping: $0)) },
          .init("clones", width: 8) { compactCountText(UInt64(clamping: $0)) },
        ],
        rows: { report in
          CloneCallers().rows(report).map { row in
            .init(
              id: row.name, key: row.name,
              cells: [row.name, row.use, durationText(ns: row.ns), compactCountText(row.clones)],
              numbers: [Double(row.ns), Double(row.clones)])
          }
        },
        figure: "time",
        details: { CloneCallers().details($0, of: $1, columns: $2) }),
      figures: [
        .init("clones") { Double($0.histograms.clone.count) },
        .init("CPU time") { ($0.bill ?? []).reduce(0) { $0 + Double($1.ns) } },
      ],
      maps: [
        .init("clone") { $0.histograms.clone },
        .init("page-table copy") { $0.histograms.pageTableCopy },
      ])
  }

  static func line(_ report: CloneSnapshot, _ layout: TextLayout) -> String {
    CloneLine(columns: layout.columns, color: layout.color).line(report)
  }

  static func heading(_ layout: TextLayout) -> String {
    CloneLine(columns: layout.columns, color: layout.color).heading
  }
}
