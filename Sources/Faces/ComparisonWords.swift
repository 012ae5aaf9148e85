import Reports

/// What comes out of a comparison, in words. The baseline is called A.
struct ComparisonWords {
  private let comparison: CloneComparison
  private let name: String

  /// - Parameter name: what the run beside the baseline is called.
  init(_ comparison: CloneComparison, _ name: String) {
    (self.comparison, self.name) = (comparison, name)
  }

  private func figure(_ kind: ComparedFigure.Kind) -> ComparedFigure? {
    comparison.figures.first { $0.figure == kind }
  }

  /// What to bear in mind of a difference that two runs of the same kind may have as well: memory in other
  /// places, or other load on the machine. Empty where it is larger, or noise.
  var footnote: String {
    guard [.faster, .slower].contains(comparison.outcome), let factor = figure(.mean)?.factor,
      Factor(factor) == nil
    else { return "" }
    return
      "Noise is how clones differ within a run. Runs of the same kind may differ by more: compare "
      + "two of them as well."
  }

  // MARK: - The outcome

  /// One sentence, of figures alone.
  var outcome: String {
    let (one, other) = (comparison.baseline.clones, comparison.compared.clones)
    guard one > 0, other > 0, let mean = figure(.mean) else {
      return "\(name): no clones in \(few { $0 == 0 }), nothing to compare."
    }
    let means = "\(name): clones take \(Self.change(mean))"
    switch comparison.outcome {
    case .faster, .slower: return "\(means): more than noise\(accounts)."
    case .noDifference: return "\(means): no difference beyond noise\(median)."
    case .cannotTell:
      return "\(means); with fewer than 2 clones nothing can be said about noise."
    }
  }

  /// "330 us instead of 2.85 ms, 8.6 times faster"
  private static func change(_ figure: ComparedFigure) -> String {
    let values = "\(figure.text(figure.compared)) instead of \(figure.text(figure.baseline))"
    guard let factor = figure.factor, !Factor.isOne(factor) else { return values }
    let size = Factor(factor).map { "\($0.text) times" } ?? percentText(abs(factor - 1))
    return "\(values), \(size) \(factor < 1 ? "faster" : "slower")"
  }

  /// What a few outliers keep the mean from showing.
  private var median: String {
    guard let median = figure(.median), median.noise == .exceeded else { return "" }
    return "; but the median is \(Self.change(median)): more than noise"
  }

  private var accounts: String {
    guard let first = comparison.accounts.first else { return "" }
    let verb = "\(first.phase.subject) for"
    // A sampled one may well exceed the whole by a little.
    if first.share >= 0.95 { return "; \(verb) \(first.share > 1.2 ? "more than " : "")all of it" }
    let second = comparison.accounts.dropFirst().first.map {
      ", \($0.phase.noun) for \(percentText($0.share))"
    }
    return "; \(verb) \(percentText(first.share)) of it\(second ?? "")"
  }

  // MARK: - Cautions

  /// What makes the two unlike, each as the items of a line.
  var cautions: [[Line]] {
    comparison.cautions.map { caution in items(caution).map { Line($0) } }
  }

  private func items(_ caution: Caution) -> [String] {
    switch caution {
    case .noClones: ["* no clones in \(few { $0 == 0 })"]
    case .fewClones: ["* fewer than 2 clones in \(few { $0 < 2 }):", "noise is unknown"]
    case .host: both("different hosts") { listed($0.host.names) }
    case .kernel: both("different kernels") { "Linux " + listed($0.host.kernels) }
    case .cpus: both("different numbers of CPUs") { "\($0.host.cpus)" }
    case .filter: both("different filters", filter)
    case .kinds: both("different kinds of calls", kinds)
    case .loss: both("lost records") { "\(countText($0.lost)) of \(countText($0.expected))" }
    case .phases:
      both("phases measured differently") {
        switch $0.phases {
        case .measured: "measured"
        case .copies: "measured without page tables"
        case .sampled: "sampled"
        case nil: "none"
        }
      }
    }
  }

  private func both(_ title: String, _ text: (ComparedRun) -> String) -> [String] {
    ["* \(title):", "A \(text(comparison.baseline)),", "\(name) \(text(comparison.compared))"]
  }

  private func few(_ isFew: (UInt64) -> Bool) -> String {
    [(comparison.baseline.clones, "A"), (comparison.compared.clones, name)]
      .filter { isFew($0.0) }.map(\.1).joined(separator: " and ")
  }

  private func filter(_ run: ComparedRun) -> String {
    let filter = run.filter
    let parts = [
      ("pid", filter.pids.map(String.init)), ("comm", filter.comms), ("cgroup", filter.cgroups),
    ].filter { !$1.isEmpty }
    return parts.isEmpty ? "none" : parts.map { "\($0) \(listed($1))" }.joined(separator: " ")
  }

  /// "60 % fork 40 % vfork"
  private func kinds(_ run: ComparedRun) -> String {
    let all = [
      ("fork", run.kinds.forks), ("vfork", run.kinds.vforks), ("threads", run.kinds.threads),
    ].filter { $1 > 0 }
    return all.map { name, count in
      "\(decimalText(100 * Double(count) / Double(run.clones), digits: 0)) % \(name)"
    }.joined(separator: " ")
  }
}

extension ClonePhase {
  /// In a sentence.
  fileprivate var noun: String {
    switch self {
    case .addressSpace: "the address space"
    case .offCPU: "time off the CPU"
    case .other: "other functions"
    case .unattributed: "unattributed time"
    case .wakeChild: "waking the child"
    default: text
    }
  }

  fileprivate var subject: String {
    switch self {
    case .openFiles, .mappings, .pageTables, .other: "\(noun) account"
    default: "\(noun) accounts"
    }
  }
}
