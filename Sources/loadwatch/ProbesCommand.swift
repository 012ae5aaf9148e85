import ArgumentParser
import LoadProbes
import Presentation
import SystemPackage

struct ProbesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probes",
    abstract: "Tell what can be seen on this kernel, by which means, and what can't and why.")

  func run() throws {
    try reporting {
      let columns = Terminal.columns(of: .standardOutput)
      do {
        try Terminal.write(probesText(loadProbes(), columns: columns), to: .standardOutput)
      } catch Errno.brokenPipe {
        return
      } catch {
        throw Failure("can't write to standard output: \(error)")
      }
    }
  }
}
