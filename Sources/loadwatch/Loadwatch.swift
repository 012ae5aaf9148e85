import ArgumentParser

@main
struct Loadwatch: ParsableCommand {
  /// What its complaints begin with.
  static let name = "loadwatch"

  static let configuration = CommandConfiguration(
    commandName: name,
    abstract: "Shows live what makes the load average: run queue latency, R and D states.",
    usage: """
      loadwatch [<options>]
      loadwatch probes
      loadwatch merge [<options>] <files> ...
      """,
    discussion: """
      Examples:
        loadwatch                                  watch this machine, until Ctrl-C
        loadwatch --duration 10s                   for ten seconds
        loadwatch --pid 1234 --pid 1300            only these processes
        loadwatch --cgroup system.slice            only tasks in a cgroup and below
        loadwatch --format json -o out.json        an object per interval, into a file
        loadwatch probes                           what this kernel lets it see
        loadwatch merge web1.json web2.json        add up what several hosts saw

      Needs root, or CAP_BPF and CAP_PERFMON.
      """,
    version: "0.1.0",
    subcommands: [ProbesCommand.self, MergeCommand.self])

  // Not a default subcommand: the help would not show its options.
  @OptionGroup var watch: WatchCommand

  func run() throws { try watch.run() }
}
