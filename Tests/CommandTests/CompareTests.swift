import Foundation
import Histograms
import Reports
import Support
import Testing

/// `cloneprof compare`: runs that were saved, side by side.
@Suite(.serialized)
struct CompareTests {
  /// Forks of 64 MiB and of 256, as files.
  private static let runs = Result {
    let scratch = try Scratch()
    return try ["64", "256"].map { mib in
      let run = try scratch.profile("forks", mib, "20", "--seconds", "60")
      return (try String(contentsOfFile: scratch.file("out.json"), encoding: .utf8), run.final)
    }
  }

  private let scratch: Scratch
  private let texts: [String]
  private let finals: [CloneSnapshot]
  private let files: [String]

  init() throws {
    let scratch = try Scratch()
    let runs = try Self.runs.get()
    (texts, finals) = (runs.map(\.0), runs.map(\.1))
    files = try zip(texts, ["64.json", "256.json"]).map { try scratch.write($0, to: $1) }
    self.scratch = scratch
  }

  private func compare(_ arguments: [String]) throws -> Command.Ended {
    try Command(Binaries.url("cloneprof").path, ["compare"] + arguments).wait()
  }

  private func comparisons(_ arguments: [String]) throws -> [CloneComparison] {
    let ended = try compare(["--format", "json"] + arguments)
    #expect(ended.status == 0 && ended.errors.isEmpty, "\(ended.errors)")
    return try ended.bytes.split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(CloneComparison.self, from: Data($0))
    }
  }

  private func refused(_ arguments: [String]) throws -> String {
    let ended = try compare(arguments)
    #expect(ended.status == 1 && ended.output.isEmpty)
    return ended.complaint(of: "cloneprof")
  }

  // MARK: - Real runs

  @Test func fourTimesTheMemory() throws {
    let all = try comparisons(files)
    #expect(all.count == 1)
    let comparison = try #require(all.first)
    #expect(comparison.baseline.file == files[0] && comparison.compared.file == files[1])
    #expect(comparison.cautions == [] && comparison.outcome == .slower)
    func figure(_ kind: ComparedFigure.Kind, _ phase: ClonePhase? = nil) throws -> ComparedFigure {
      try #require(
        comparison.figures.first { $0.figure == kind && $0.phase == phase }, "\(kind)")
    }
    #expect(try figure(.clones).baseline?.value == 20 && figure(.clones).change == 0)
    let mean = try figure(.mean)
    #expect(mean.noise == .exceeded)
    for (estimate, final) in zip([mean.baseline, mean.compared], finals) {
      let estimate = try #require(estimate)
      #expect(abs(estimate.value * 20 - Double(final.histograms.clone.sum)) < 1)
      #expect(try #require(estimate.low) < estimate.value)
      #expect(try #require(estimate.high) > estimate.value)
    }
    #expect(
      try figure(.median).compared?.value == Double(finals[1].histograms.clone.percentiles.p50!))
    // By the program's own memory: 256 MiB beside 64, and a few pages and tables that both have.
    for kind in [ComparedFigure.Kind.entries, .residentBytes, .pageTableBytes] {
      let factor = try #require(figure(kind).factor)
      #expect(
        (kind == .pageTableBytes ? 2.5...4 : 3.9...4).contains(factor), "\(kind): \(factor)")
    }
    let resident = try #require(figure(.residentBytes).compared?.value)
    #expect(abs(resident / Double(256 << 20) - 1) < 0.05)
    #expect(comparison.accounts.first?.phase == .pageTables, "\(comparison.accounts)")
    // All phases together are the mean clone.
    let parts = comparison.figures.filter { $0.figure == .phase }
    let sum = parts.reduce(0) { $0 + ($1.compared?.value ?? 0) }
    #expect(abs(sum / mean.compared!.value - 1) < 0.001)
  }

  @Test func aRunBesideItself() throws {
    let all = try comparisons([files[0], files[0], files[1]])
    #expect(all.map(\.outcome) == [.noDifference, .slower])
    let same = try #require(all.first)
    #expect(same.figures.allSatisfy { $0.change == 0 && $0.noise != .exceeded })
    #expect(same.accounts == [])
  }

  @Test func asText() throws {
    let ended = try compare(files)
    #expect(ended.status == 0 && ended.errors.isEmpty)
    let lines = ended.output.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 80 || $0.contains(".json") }, "\(ended.output)")
    #expect(lines.contains { $0.hasPrefix("clone, mean ") && $0.hasSuffix("more than noise") })
    let words = ended.output.split { $0.isWhitespace }.joined(separator: " ")
    #expect(
      words.contains(/B: clones take .* slower: more than noise; page tables account for .* it/),
      "\(ended.output)")
    #expect(!ended.bytes.contains(0x1b))
  }

  @Test func onATerminal() throws {
    let ended = try Command(
      Binaries.url("cloneprof").path, ["compare"] + files,
      environment: ["TERM": "xterm", "NO_COLOR": nil], to: .terminal(columns: 40, rows: 20)
    ).wait()
    #expect(ended.status == 0)
    // One picture and no more: no cursor to hide.
    #expect(!ended.output.contains("\u{1b}[?25") && ended.output.contains("\u{1b}[1m"))
    let plain = ended.output.replacing(/\u{1b}\[[0-9;]*m/, with: "")
    #expect(plain.split(whereSeparator: \.isNewline).allSatisfy { $0.count <= 40 }, "\(plain)")
  }

  @Test func theSchema() throws {
    let output = scratch.file("compared.json")
    // With options before the subcommand as well.
    let ended = try Command(
      Binaries.url("cloneprof").path,
      ["--format", "json", "compare", files[0], files[1], files[0], "-o", output]
    ).wait()
    #expect(ended.status == 0 && ended.output.isEmpty && ended.errors.isEmpty)
    let check = """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1]))
      kind = jsonschema.validators.validator_for(schema)
      kind.check_schema(schema)
      lines = 0
      for line in open(sys.argv[2]):
          kind(schema).validate(json.loads(line))
          lines += 1
      broken = json.loads(line)
      del broken["baseline"]["clones"]
      assert not kind(schema).is_valid(broken)
      print(lines)
      """
    let schema = packageRoot.appending(path: "docs/cloneprof-compare-1.schema.json").path
    let checked = try Command("/usr/bin/python3", ["-c", check, schema, output]).wait()
    #expect(checked.errors == "" && checked.output == "2\n")
  }

  /// A merge is one run, also of intervals whose final object is missing.
  @Test func ofMerges() throws {
    let cut = texts[0].split(separator: "\n").dropLast().joined(separator: "\n") + "\n"
    let file = try scratch.write(cut, to: "cut.json")
    let merged = scratch.file("merged.json")
    let ended = try Command(
      Binaries.url("cloneprof").path, ["merge", "--format", "json", "-o", merged, file]
    ).wait()
    #expect(ended.status == 0)
    let comparison = try #require(try comparisons([files[0], merged]).first)
    #expect(comparison.outcome == .noDifference)
    #expect(comparison.figures.first { $0.figure == .mean }?.change == 0)
  }

  /// `cloneprof compare <(ssh web1 ...) after.json`
  @Test func fromAPipe() throws {
    let ended = try Command(
      "bash",
      [
        "-c", "\"$0\" compare --format json <(cat \"$1\") \"$2\"", Binaries.url("cloneprof").path,
      ] + files
    ).wait()
    #expect(ended.status == 0 && ended.output.contains("\"outcome\":\"slower\""))
  }

  // MARK: - What is typed wrong, and other files

  @Test(arguments: [
    ([], "<files>"), (["a.json"], "compare needs a baseline and at least one more file"),
    (["--format", "folded", "a.json", "b.json"], "--format folded: a comparison has no stacks"),
    (["--format", "x", "a.json", "b.json"], "'x'"), (["--again", "a.json", "b.json"], "--again"),
    (["-o", "", "a.json", "b.json"], "--output"),
  ])
  func arguments(_ arguments: [String], _ named: String) throws {
    let ended = try compare(arguments)
    #expect(ended.status == 64 && ended.output.isEmpty)
    let first = ended.errors.split(separator: "\n").first ?? ""
    #expect(first.hasPrefix("Error: ") && first.contains(named), "\(ended.errors)")
    #expect(ended.errors.contains("Usage: cloneprof"))
  }

  @Test func runsThatAreNotWhole() throws {
    let lines = texts[0].split(separator: "\n")
    let intervals = try scratch.write(
      lines.dropLast().joined(separator: "\n") + "\n", to: "intervals.json")
    for order in [[files[1], intervals], [intervals, files[1]]] {
      #expect(
        try refused(order)
          == "\(intervals): line 1: a run that was cut off; add its intervals up with merge first")
    }
    let finals = try scratch.write(
      "\(lines.last!)\n\n\(texts[1].split(separator: "\n").last!)\n", to: "two.json")
    #expect(
      try refused([files[0], finals])
        == "\(finals): line 3: a second run; add them up with merge first")
  }

  @Test func otherFiles() throws {
    let load = try loadwatch("--format", "json", "--duration", "100ms").output
    for (text, complaint) in [
      (load, "line 1 is not a cloneprof/2 snapshot"), ("", "contains no snapshot"),
      ("garbage\n", "line 1 is not a cloneprof/2 snapshot"), ("\n\n", "contains no snapshot"),
      (
        texts[0] + "{}\n",
        "line \(texts[0].split(separator: "\n").count + 1) is not a cloneprof/2 snapshot"
      ),
      (
        texts[0].replacing(#""schema":"cloneprof/2""#, with: #""schema":"cloneprof/1""#),
        "line 1: schema is cloneprof/1, not cloneprof/2"
      ),
      (
        texts[0].replacing(#""final":"#, with: #""final":true,"final":"#),
        "line 1: duplicate key final"
      ),
    ] {
      let file = try scratch.write(text, to: "bad.json")
      #expect(try refused([files[0], file]) == "\(file): \(complaint)")
    }
    // What compare writes itself.
    let own = scratch.file("own.json")
    #expect(try compare(["--format", "json", "-o", own] + files).status == 0)
    #expect(try refused([own, files[0]]) == "\(own): line 1 is not a cloneprof/2 snapshot")
  }

  @Test func filesThatCannotBeRead() throws {
    for (file, reason) in [
      (scratch.file("nope.json"), "No such file or directory"), (scratch.path, "Is a directory"),
    ] {
      #expect(try refused([files[0], file]) == "\(file): \(reason)")
      #expect(try refused([file, files[0]]) == "\(file): \(reason)")
    }
    let tool = scratch.file("cloneprof")
    try FileManager.default.copyItem(atPath: Binaries.url("cloneprof").path, toPath: tool)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tool)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: files[1])
    let ended = try Command(
      "setpriv",
      ["--reuid", "65534", "--regid", "65534", "--clear-groups", tool, "compare"] + files
    ).wait()
    #expect(ended.status == 1 && ended.output.isEmpty)
    #expect(ended.complaint(of: "cloneprof") == "\(files[1]): Permission denied")
  }

  /// The name of a file commands no terminal.
  @Test func namesOfFiles() throws {
    let name = "\u{1b}[2J\u{7}\u{9b}1m\n\rD"
    let file = try scratch.write(texts[1], to: name)
    let ended = try compare([files[0], file])
    #expect(ended.status == 0)
    #expect(ended.output.contains(#"\x1b[2J\x07\u{9b}1m\x0a\x0dD"#), "\(ended.output)")
    let json = try compare(["--format", "json", files[0], file])
    #expect(try comparisons([files[0], file]).first?.compared.file == file)
    let missing = try compare([files[0], scratch.file("no\(name)")])
    #expect(missing.status == 1 && missing.complaint(of: "cloneprof").contains(#"\x1b[2J"#))
    for text in [ended.output, json.output, missing.errors] {
      #expect(
        text.unicodeScalars.allSatisfy {
          $0.properties.generalCategory != .control || $0 == "\n"
        })
    }
  }

  /// What was there before stays where nothing can be compared.
  @Test func theOutputIsWholeOrNotThere() throws {
    let output = try scratch.write("before\n", to: "out.txt")
    #expect(try compare(["-o", output, files[0], scratch.file("nope.json")]).status == 1)
    #expect(try String(contentsOfFile: output, encoding: .utf8) == "before\n")
    #expect(try compare(["-o", output] + files).status == 0)
    #expect(try String(contentsOfFile: output, encoding: .utf8) == compare(files).output)
    #expect(!scratch.names.contains { $0.hasSuffix(".part") })
    // Onto its own source.
    #expect(try compare(["-o", files[1]] + files).status == 0)
    #expect(try String(contentsOfFile: files[1], encoding: .utf8).contains("B: clones take "))
  }

  @Test func help() throws {
    let ended = try compare(["--help"])
    #expect(ended.status == 0)
    #expect(ended.output.contains("USAGE: cloneprof compare [<options>] <baseline> <file> ..."))
    #expect(ended.output.contains("noise"))
    let all = try Command(Binaries.url("cloneprof").path, ["--help"]).wait()
    #expect(all.output.contains("cloneprof compare [<options>] <baseline> <file> ..."))
  }
}
