import ArgumentParser
import CommandLine
import Experiments
import Faces
import Glibc
import Reports

/// `demo`: how long a fork takes on this machine, by kind of memory.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Measure how long a fork takes on this machine, by page size and kind of memory.",
    discussion: """
      Starts processes of its own with that much memory (in 4 KiB pages, huge pages of each kind, \
      and other forms), and measures their forks, the first writes after a fork, and the children's exit. \
      Huge page pools are grown as far as memory allows, and restored afterwards.

      The result is kept as this machine's calibration, for the predictions of other commands.

      Examples:
        cloneprof demo
        cloneprof demo --rss 4G
        cloneprof demo --rss 256M --format json -o demo.json
      """)

  @Option(
    name: .long, help: ArgumentHelp("Memory of each process (256M, 4G).", valueName: "size"))
  var rss = SizeArgument(text: "1G")

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if rss.bytes < 4 << 20 { throw ValidationError("--rss \(rss.text): must be at least 4M") }
    try output.checkIsOfNoRun("demo")
  }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      // In whole huge pages.
      let demo = try Demo(.init(bytes: (rss.bytes >> 21) << 21))
      var progress = ProgressLine()
      let result = try demo.run { row, index, count in
        progress.show("\(Cloneprof.name): \(index)/\(count) \(row.label)")
      }
      progress.clear()
      try Document(output).write(json: result.report) { columns, color in
        DemoText(columns: columns, color: color).block(result.report)
      }
      // One that was cut off would take the place of a better one.
      if result.signal == nil { try keep(result.report) }
      for path in result.notPutBack { warn("could not put back \(path)", as: Cloneprof.name) }
      if !result.notPutBack.isEmpty { throw Exit.failure }
      if let signal = result.signal, signal != SIGINT { throw ExitCode(128 + signal) }
    }
  }

  private func keep(_ report: DemoReport) throws {
    guard let calibration = Calibration(report) else { return }
    do {
      if let path = try CalibrationFile.write(calibration) {
        warn("calibration written to \(path)", as: Cloneprof.name)
      }
    } catch {
      warn("can't keep the calibration: \(error)", as: Cloneprof.name)
    }
  }
}
