public import Reports

/// A table of features, the probe that each uses, and if it isn't available, why; a newline at the end of each line.
public func probesText(_ probes: [ProbePart], columns limit: Int) -> String {
  let rows = [("feature", "probe", "available")] + probes.map(cells)
  let stateWidth = rows.map { columns(of: $0.2) }.max() ?? 0
  let usingWidth = rows.map { columns(of: $0.1) }.max() ?? 0
  let wantWidth = rows.map { columns(of: $0.0) }.max() ?? 0
  // What doesn't fit is cut from the first column down to a readable rest, then from the line.
  let firstWidth = min(wantWidth, max(12, limit - usingWidth - stateWidth - 4))

  var lines: [String] = []
  for (index, row) in rows.enumerated() {
    let first = left(clipped(row.0, to: firstWidth, mark: "~"), firstWidth)
    lines.append(clipped("\(first)  \(left(row.1, usingWidth))  \(row.2)", to: limit, mark: "~"))
    if index > 0, let reason = probes[index - 1].reason {
      let paragraphs = reason.split(separator: "\n").map { escaped(String($0)) }
      lines += paragraphs.flatMap { wrapped($0, to: max(1, limit - 4)) }.map { "    " + $0 }
    }
  }
  return lines.map { $0 + "\n" }.joined()
}

private func cells(_ probe: ProbePart) -> (String, String, String) {
  let state =
    switch probe.available {
    case .yes: "yes"
    case .no: "no"
    case .cannotTell: "cannot tell"
    }
  return (escaped(probe.feature), escaped(probe.probe), state)
}
