public import Reports

extension MetricFamily {
  /// Which probes are used.
  static func probes(_ name: String, _ parts: [ProbePart]) -> MetricFamily {
    MetricFamily(
      name, .info, "How the kernel is traced.",
      parts.map { part in
        MetricSample(
          1, ("feature", LabelText.of(part.feature)), ("probe", LabelText.of(part.probe)),
          ("available", part.available.rawValue))
      })
  }

  /// A figure's help, as a sentence.
  static func sentence(_ help: String) -> String {
    (help.prefix(1).uppercased() + help.dropFirst() + ".").replacing("`", with: "")
  }
}

extension Figure {
  /// As HELP: in reports, a table's row and its unit say what it is of.
  func sentence(_ text: String) -> String {
    let isSubject = ["records", "runs", "switches", "names"].contains(unit)
    return MetricFamily.sentence(isSubject ? "\(unit) \(text)" : text)
  }
}

/// What an exporter says of itself.
public enum ExporterMetrics {
  /// - Parameters:
  ///   - families: all others that it has.
  ///   - host: where it runs.
  public static func families(
    beside families: [MetricFamily], mostSeries: Int, classicBuckets: Bool, version: String,
    host: HostPart
  ) -> [MetricFamily] {
    let build = MetricFamily(
      "sonde_build", .info, "The exporter's version and the kernel's.",
      [
        MetricSample(
          1, ("version", version), ("kernel", LabelText.of(host.kernels.first ?? "")))
      ])
    let used = (families + [build]).series(classicBuckets: classicBuckets) + 2
    let series = MetricFamily(
      "sonde_exporter_series", .gauge,
      "Series in use, in the format that has the most, and the limit.",
      [
        MetricSample(Double(used), ("which", "used")),
        MetricSample(Double(mostSeries), ("which", "limit")),
      ])
    return [build, series]
  }
}
