import Reports
import Testing

import Faces
import Support

/// A snapshot of clones as text.
struct CloneTextTests {
  static func text(_ snapshot: CloneSnapshot, columns: Int = 80, color: Bool = false) -> String {
    CloneText(columns: columns, color: color).block(snapshot, live: false)
  }

  @Test func thePictureIsAsIntended() {
    let text = CloneText(columns: 80, color: false).block(cloneSample(), live: true)
    #expect(text == golden, Comment(rawValue: "\n" + text))
  }

  @Test func nothingClonedIsOneLine() {
    for (final, line) in [(false, "no clones yet"), (true, "no clones")] {
      var snapshot = emptyCloneSample()
      snapshot.final = final
      let lines = LoadTextTests.lines(Self.text(snapshot))
      #expect(lines.count == 5 && lines[2] == line, "\(lines)")
    }
  }

  @Test func aFailureIsSomethingToTell() {
    var snapshot = emptyCloneSample()
    snapshot.calls.failed = ["EAGAIN": 7, "a\u{1b}[2J": 9]
    let text = Self.text(snapshot)
    #expect(text.contains(#"FAILED 16:  a\x1b[2J 9  EAGAIN 7"#) && !text.contains("nothing"))
    #expect(Self.text(snapshot, color: true).contains("\u{1b}[1;31mFAILED 16:"))
  }

  @Test(arguments: 0..<12 as Range<UInt64>) func noLineIsWiderThanTheTerminal(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for columns in [1, 2, 7, 20, 44, 45, 46, 60, 68, 69, 70, 77, 79, 80, 81, 100, 132, 300] {
      let snapshot = randomCloneSample(&random)
      for bars in [BarStyle.blocks, .ascii] {
        let text = CloneText(columns: columns, color: false, bars: bars)
          .block(snapshot, live: Bool.random(using: &random))
        for line in LoadTextTests.lines(text) {
          #expect(Faces.columns(of: line) <= columns, "\(line)")
          #expect(line.last != " ")
        }
      }
    }
  }

  @Test func figuresAreNeverCutFrom80Columns() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<100 {
      var snapshot = randomCloneSample(&random)
      let known = cloneSample()
      snapshot.host = known.host
      snapshot.filter = known.filter
      snapshot.end = known.end
      snapshot.calls.failed = known.calls.failed
      snapshot.mappings = []
      snapshot.slowest = []
      snapshot.stacks = []
      snapshot.pageCopies?.mappings = []
      snapshot.pageCopies?.stacks = []
      snapshot.children = snapshot.children?.map { row in
        var row = row
        (row.comm, row.pid) = ("postgres", row.pid.map { $0 % 4_194_304 })
        row.processes %= 100
        return row
      }
      snapshot.steps = []
      snapshot.pageTables.grade = "excellent"
      snapshot.advice = []
      let text = Self.text(snapshot)
      #expect(!text.contains("…"), "\(text)")
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func withoutColorThereIsNoControl(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let snapshot = randomCloneSample(&random)
    let plain = Self.text(snapshot, columns: 90)
    let controls = plain.unicodeScalars.filter { $0.properties.generalCategory == .control }
    #expect(controls.allSatisfy { $0 == "\n" })
    let colored = Self.text(snapshot, columns: 90, color: true)
    // By scalars: behind the sequence may be what combines with its last letter.
    let pattern = /\u{1b}\[[0-9;]*m/.matchingSemantics(.unicodeScalar)
    #expect(colored != plain && colored.replacing(pattern, with: "") == plain)
  }

  @Test func whatAnyoneMayNameIsEscaped() {
    let bad = "x\u{1b}[31m\u{202e}"
    let good = #"x\x1b[31m\u{202e}"#
    var snapshot = cloneSample()
    snapshot.steps = [StepPart(function: bad, ns: 1, share: 0.1, count: 1)]
    snapshot.mappings[0].comm = bad
    snapshot.mappings[1].name = bad
    snapshot.mappings[2].name = nil
    snapshot.mappings[2].range = bad
    snapshot.slowest[0].comm = bad
    snapshot.slowest[0].call = bad
    snapshot.slowest[1].at = bad
    snapshot.stacks[0].comm = bad
    snapshot.stacks[0].frames[1] = bad
    snapshot.children?[0].comm = bad
    snapshot.pageTables.grade = bad
    snapshot.advice[0].text = bad
    snapshot.advice[0].evidence[0] = bad
    let text = Self.text(snapshot, columns: 200)
    #expect(text.split(separator: good, omittingEmptySubsequences: false).count == 16 + 1)
    #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}"))
  }

  @Test func asciiIsASCII() {
    for columns in [30, 80] {
      let text = CloneText(columns: columns, color: true, bars: .ascii)
        .block(cloneSample(), live: true)
      #expect(text.utf8.allSatisfy { $0 < 0x80 } && text.contains("#") == (columns == 80))
      #expect(text.contains("sampled +- 71.4 us") == (columns == 80))
    }
  }

  @Test func whatIsOnlySampledSaysHowUncertainItIs() {
    var snapshot = cloneSample()
    #expect(Self.text(snapshot).contains("sampled ± 71.4 us\n"))
    snapshot.phases[1].uncertaintyNs = nil
    #expect(Self.text(snapshot).contains("sampled\n"))
  }

  /// Also where there is no room for the section.
  @Test func childrenThatCouldNotBeFollowed() {
    var snapshot = cloneSample()
    #expect(!Self.text(snapshot).contains("not followed"))
    snapshot.childFates = fates(born: 9_000, unfollowed: 1_234, lived: [])
    let text = CloneText(columns: 80, color: true).block(snapshot, live: true, rows: 20)
    #expect(text.contains("\u{1b}[1;31m1,234 children not followed"))
  }

  @Test func aRestOfNothingIsLeftOut() {
    var snapshot = cloneSample()
    #expect(Self.text(snapshot).contains("unattributed"))
    // Of rounding, in 1,204 clones.
    snapshot.phases[4].ns = 1_203
    #expect(!Self.text(snapshot).contains("unattributed"))
  }

  /// A section is there as a whole or not at all, and the less important goes first.
  @Test func whereRowsAreFewWholeSectionsGo() {
    let titles = [
      "p50", "where the time", "by mapping", "costliest", "page tables per", "  clone  ", "slowest",
      "call stacks", "children of", "bill of forks", "address space copied for", "advice",
    ]
    let last = [
      "children of", "slowest", "address space copied for", "call stacks", "costliest",
      "bill of forks",
      "  clone  ", "by mapping", "page tables per", "p50", "advice",
    ]
    let full = CloneText(columns: 80, color: false).block(cloneSample(), live: true)
    let all = Self.sections(full)
    for rows in 0...LoadTextTests.lines(full).count {
      let text = CloneText(columns: 80, color: false).block(cloneSample(), live: true, rows: rows)
      let shown = Self.sections(text)
      for section in shown
      where !section.contains("page-table copy\n") && !section.contains("advice") {
        // All but the histogram and what has evidence.
        #expect(all.contains(section))
      }
      #expect(LoadTextTests.lines(text).count <= max(rows, 15), "\(rows): \(text)")
      let there = titles.filter { text.contains($0) }
      let gone = last.filter { !there.contains($0) }
      #expect(gone == Array(last.prefix(gone.count)), "\(rows)")
      #expect(there.contains("where the time"))
    }
    #expect(CloneText(columns: 80, color: false).block(cloneSample(), live: true, rows: 90) == full)
  }

  private static func sections(_ text: String) -> [String] {
    var sections = [""]
    for line in LoadTextTests.lines(text) {
      if line.isEmpty { sections.append("") } else { sections[sections.count - 1] += line + "\n" }
    }
    return sections
  }
}

private let golden = """
  cloneprof  web-1  Linux 6.18.44  2 CPUs  14:03:12 UTC  2 m 00 s  Ctrl-C to stop
  only  comm httpd
  new processes 1,204 (10/s)  vfork 4  clone 1,200  new threads 24 (0.20/s)
  FAILED 3:  EAGAIN 2  ENOMEM 1
  lost 0 of 4,821 records
  overhead: 1.84 us/clone (BPF), 0.08 % CPU, RSS 24.3 MB, rings 8.39 MB

                           count       p50       p90       p99     p99.9       max
  clone                    1,204   51.4 ms   54.5 ms   54.5 ms   72.4 ms   72.4 ms
  address-space copy       1,200   50.3 ms   50.3 ms   71.0 ms   71.0 ms   71.0 ms
  page-table copy          1,200   47.2 ms   49.3 ms   49.3 ms   68.9 ms   68.9 ms
  vfork wait                   4   1.11 ms   1.50 ms   1.50 ms   1.50 ms   1.50 ms

  where the time goes per clone     share
  task setup            35.7 us    0.07 %  ▏                  measured
  mappings              1.60 ms     3.1 %  ▌                  sampled ± 71.4 us
  page tables           47.6 ms    92.2 %  ███████████████▋   measured
  open files            1.03 ms     2.0 %  ▍                  measured
  unattributed          1.23 ms     2.4 %  ▍                  remainder
  clone                 51.6 ms   100.0 %                     total
  vfork wait            1.20 ms         -                     mean of 4, extra

  by mapping type     per clone     share                      count       size
  heap                  43.3 ms    83.8 %  ██████████████▎       1.0    4.07 GB
  anonymous             3.93 ms     7.6 %  █▎                   40.9     257 MB
  file, private          400 us    0.78 %  ▏                     155    21.6 MB
  stack                 1.99 us  < 0.01 %  ▏                     1.0     135 kB

  costliest mappings    copies  per copy      size
  httpd (812)            1.19k   43.4 ms   4.09 GB  [heap]
  httpd (812)            1.19k    850 us   67.1 MB  anonymous at 7f0000000000
  cron (9120)               10   8.40 us   1.84 MB  …ib/x86_64-linux-gnu/libc.so.6

  page tables per clone  8.43 MB with 1,046,511 entries, 45.5 ns each
    resident memory      4.29 GB
    speed                12.9 ms per GiB, 83.2 GB/s: good

                         clone                        page-table copy
     262 us -    524 us  ▏                         4
     524 us -   1.05 ms
    1.05 ms -   2.10 ms
    2.10 ms -   4.19 ms
    4.19 ms -   8.39 ms
    8.39 ms -   16.8 ms
    16.8 ms -   33.6 ms
    33.6 ms -   67.1 ms  █████████████████████ 1.19k  █████████████████████ 1.19k
    67.1 ms -    134 ms  ▏                        10  ▏                        10

  slowest clones               took  resident
  httpd (812, thread 901)   72.4 ms   4.30 GB  clone, child 20411, 14:02:41.318
  httpd (812)               71.9 ms   4.30 GB  clone, child 19204, 14:01:13.004

  call stacks    clones      each     share
  httpd           1.19k   52.0 ms    99.6 %
      main <- child_main <- ap_process_request <- ap_invoke_handler
      <- ap_run_handler <- cgi_handler <- apr_proc_create <- __libc_fork
  cron               10   10.1 ms    0.16 %
      0x55c4f21a9c10 <- _Fork
  make                4   2.31 ms    0.01 %
      no user stack

  children of             use          count living exec after     lived    wrote
  httpd (812)             exec at once 1.19k      3    1.21 ms         -        -
  cron (8 processes)      serve           10      0          -   41.0 ms  3.20 kB
  redis-server (2040112)  save             0      0          -    3.50 s   412 MB

  bill of forks: httpd (812)  1.19k forks, 0.710 CPUs
  CPU time of           per fork     share                    CPUs
  clone                  52.0 ms    72.7 %  ███████████▋      0.516
  copy-on-write, child   1.76 ms     2.5 %  ▍                 0.018 ± 0.002
  teardown               17.6 ms    24.7 %  ████              0.175 ± 0.005
  exec                    118 us    0.16 %  ▏                 0.001 ± 0.000
  total                  71.5 ms   100.0 %                    0.710

  address space copied for exec          forks    per fork  per second       total
  httpd in apr_proc_create               1.19k     49.7 ms      493 ms      59.1 s

  advice
  * httpd clones only to start programs: posix_spawn or vfork copies no page
    tables, and would save nearly all of that time.
    - 1,190 of 1,190 children called execve, after 1.2 ms in the median
    - page-table copy: 92 % of the clones' time
  * Huge pages for [heap] would leave 1 of 512 entries to copy.
    - 1,050,000 entries per clone, 0 in huge pages

  """
