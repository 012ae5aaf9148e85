extension Snapshot {
  /// What a figure is of a report, by its name, or by what stands from any of the dots in it on; a
  /// histogram's parts as "run_queue_latency.p99".
  ///
  /// Nil where there is none, or where several have such a name.
  public static func figure(named name: String) -> (@Sendable (Self) -> Double?)? {
    let named = namedValues
    if let exact = named.first(where: { $0.name == name }) { return exact.value }
    let found = named.filter { $0.name.hasSuffix(".\(name)") }
    return found.count == 1 ? found[0].value : nil
  }

  /// All names, each as short as it may be.
  public static var figureNames: [String] {
    let names = namedValues.map(\.name)
    return names.map { name in
      var short = name[...]
      while let dot = short.firstIndex(of: ".") {
        let rest = short[short.index(after: dot)...]
        guard names.filter({ $0 == rest || $0.hasSuffix(".\(rest)") }).count == 1 else { break }
        short = rest
      }
      return String(short)
    }
  }

  private static var namedValues: [(name: String, value: @Sendable (Self) -> Double?)] {
    shortNames.map { ($0.name, $0.value) }
      + figures.flatMap { figure -> [(name: String, value: @Sendable (Self) -> Double?)] in
        switch figure.value {
        case .number(let read): return [(figure.name, read)]
        case .histogram(let read):
          return histogramParts.map { part in
            ("\(figure.name).\(part.name)", { part.value(read($0)) })
          }
        }
      }
  }

  private static var histogramParts: [(name: String, value: @Sendable (HistogramPart) -> Double?)] {
    [
      ("p50", { $0.percentiles.p50.map(Double.init) }),
      ("p90", { $0.percentiles.p90.map(Double.init) }),
      ("p99", { $0.percentiles.p99.map(Double.init) }),
      ("p999", { $0.percentiles.p999.map(Double.init) }),
      ("min", { $0.min.map(Double.init) }), ("max", { $0.max.map(Double.init) }),
      ("count", { Double($0.count) }), ("sum", { Double($0.sum) }),
    ]
  }
}

extension LoadSnapshot {
  public static var shortNames: [(name: String, value: @Sendable (LoadSnapshot) -> Double?)] {
    [
      ("load1", { $0.load.kernel[0] }), ("load5", { $0.load.kernel[1] }),
      ("load15", { $0.load.kernel[2] }), ("cpus", { Double($0.host.cpus) }),
      ("runnable", { $0.tasks.runnable.mean }),
      ("uninterruptible", { $0.tasks.uninterruptible.mean }),
      ("lost", { Double($0.loss.lost) }),
    ]
  }

  public static var verdictCauses: [String] { VerdictCause.allCases.map(\.rawValue) }
  public var causes: [String] { (verdict ?? []).map(\.cause.rawValue) }
}

extension CloneSnapshot {
  public static var shortNames: [(name: String, value: @Sendable (CloneSnapshot) -> Double?)] {
    [("cpus", { Double($0.host.cpus) }), ("lost", { Double($0.loss.lost) })]
  }

  public static var verdictCauses: [String] { [] }
  public var causes: [String] { [] }
}
