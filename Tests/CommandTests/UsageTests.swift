import Reports
import Support
import Testing

/// What is typed wrong: exit code 64 and a message that names it.
@Suite(.serialized)
struct UsageTests {
  @Test(arguments: [
    "0s", "0", "-1s", "10x", "", " ", "s", "1e3s", "1.s", "99999999999999999999s",
    "18446744073709551615ns", "9223372036s",
  ])
  func durations(_ text: String) throws {
    for option in ["--duration", "--interval"] {
      let ended = try loadwatch(option, text)
      #expect(ended.status == 64)
      #expect(ended.output.isEmpty)
      #expect(ended.errors.hasPrefix("Error: The value '\(text)' is invalid for '\(option) "))
    }
  }

  @Test func intervalsThatAreTooShort() throws {
    let ended = try loadwatch("--interval", "9ms")
    #expect(ended.status == 64)
    #expect(ended.errors.hasPrefix("Error: --interval 9ms: must be at least 10ms\n"))
  }

  @Test(arguments: [
    (["--format", "yaml"], "yaml"), (["--format", ""], "''"), (["--color", "x"], "'x'"),
    (["--count", "0"], "--count 0: must be at least 1"),
    (["--count", "-3"], "--count -3: must be at least 1"),
    (["--count", "many"], "'many'"), (["--count", "9223372036854775808"], "9223372036854775808"),
    (["--pid", "0"], "--pid 0: must be positive"), (["--pid", "-1"], "--pid -1"),
    (["--pid", "abc"], "'abc'"),
    (["--pid", "1", "--pid", "4294967297"], "4294967297"), (["--pid"], "'--pid"),
    (["-o"], "'-o"), (["--output", ""], "--output"), (["--no-such"], "--no-such"),
    (["nonsense"], "'nonsense'"), (["probes", "extra"], "'extra'"), (["merge"], "<files>"),
    (["merge", "--format", "x", "a.json"], "'x'"),
  ])
  func otherArguments(_ arguments: [String], _ named: String) throws {
    let ended = try start(arguments).wait()
    #expect(ended.status == 64)
    #expect(ended.output.isEmpty)
    let first = ended.errors.split(separator: "\n").first ?? ""
    #expect(first.hasPrefix("Error: ") && first.contains(named))
    // The one message, what the option is for, how the tool is called.
    #expect(ended.errors.split(separator: "\n").filter { $0.hasPrefix("Error") }.count == 1)
    #expect(ended.errors.contains("Usage: loadwatch"))
  }

  /// More intervals than 64 bits of nanoseconds hold: no crash, and no end by itself.
  @Test func countsBeyondTheClock() throws {
    let most = "\(Int.max)"
    for arguments in [["--count", most], ["--count", most, "--interval", "50000d"]] {
      let ended = try start(arguments + ["--duration", "50ms", "--format", "json"]).wait()
      #expect(ended.status == 0)
      #expect(try ended.snapshots().map { $0.intervalNs } == [50_000_000, 50_000_000])
    }
  }

  @Test func help() throws {
    let ended = try loadwatch("--help")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    let examples = try #require(ended.output.firstRange(of: "Examples:\n  loadwatch "))
    let usage = try #require(ended.output.firstRange(of: "USAGE: loadwatch"))
    let options = try #require(ended.output.firstRange(of: "OPTIONS:"))
    #expect(examples.upperBound < usage.lowerBound && usage.upperBound < options.lowerBound)
    for word in [
      "--pid", "--comm", "--cgroup", "--interval", "--duration", "--count", "--full", "--format",
      "--output",
      "--color", "--version", "probes", "merge", "CAP_BPF", "CAP_PERFMON",
    ] {
      #expect(ended.output.contains(word))
    }
    #expect(try loadwatch("-h").output == ended.output)
  }

  @Test func helpOfSubcommands() throws {
    for (name, word) in [("probes", "by which probe"), ("merge", "several hosts")] {
      let ended = try loadwatch(name, "--help")
      #expect(ended.status == 0)
      #expect(ended.output.contains("USAGE: loadwatch \(name)"))
      #expect(ended.output.contains(word))
      #expect(try loadwatch("help", name).output.hasPrefix("OVERVIEW: "))
    }
  }

  @Test func version() throws {
    let ended = try loadwatch("--version")
    #expect(ended.status == 0)
    #expect(ended.output.split(separator: ".").count == 3)
    #expect(ended.output.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
  }
}
