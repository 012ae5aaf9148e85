import ArgumentParser
import CommandLine
import CloneProbes

struct ProbesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probes",
    abstract: "Tell what can be seen on this kernel, by which means, and what can't and why.")

  func run() throws {
    try reporting(tool: Cloneprof.name) { try show(cloneProbes()) }
  }
}
