import ArgumentParser

@main
struct Cloneprof: ParsableCommand {
  static let name = "cloneprof"
  static let configuration = CommandConfiguration(
    commandName: name,
    abstract: "Shows where the time of fork, vfork and clone goes, and what would make it faster.",
    usage: """
      cloneprof [<options>]
      cloneprof [<options>] -- <command> [<arguments> ...]
      cloneprof probes
      cloneprof merge [<options>] <files> ...
      """,
    discussion: """
      Examples:
        cloneprof                                  all clones of this machine, until Ctrl-C
        cloneprof --pid 1234                       those of one process
        cloneprof --pid 1234 --count 20            until there were twenty
        cloneprof --comm redis-server --duration 5m
        cloneprof -- make -j8                      run a command, and profile it to its end
        cloneprof --format json -o out.json        an object per interval, into a file
        cloneprof probes                           what this kernel lets it see

      Needs root; where the kernel has fentry, CAP_BPF and CAP_PERFMON suffice.
      """,
    version: "0.1.0",
    subcommands: [ProbesCommand.self, MergeCommand.self])

  // Not a default subcommand: the help would not show its options.
  @OptionGroup var watch: WatchCommand

  func run() throws { try watch.run() }
}
