public import ArgumentParser
import Faces
import SystemPackage

/// `probes`: a table of what can be seen on this kernel.
public struct ProbesCommand<T: Tool>: ParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "probes",
      abstract: "List features: whether each is available, by which probe, and if not, why.")
  }

  public init() {}

  public func run() throws {
    try reporting(tool: T.name) {
      try printOut(probesText(try T.probes(), columns: Terminal.columns(of: .standardOutput)))
    }
  }
}
