public import Reports

/// The code that forks, as rows of a table, and all that a report tells of one caller.
public struct CloneCallers: Sendable {
  public init() {}

  public struct Row: Sendable {
    /// "redis-server: rdbSaveBackground"; of several stacks one row.
    public let name: String
    public let use: String
    public let clones: UInt64
    public let ns: UInt64
  }

  public func rows(_ report: CloneSnapshot) -> [Row] {
    var rows: [String: Row] = [:]
    for stack in report.stacks {
      let name = name(of: stack)
      let use = stack.use?.text ?? ""
      let known = rows[name]
      rows[name] = Row(
        name: name, use: known == nil || known?.use == use ? use : "mixed",
        clones: CloneText.sum([known?.clones ?? 0, stack.count]),
        ns: CloneText.sum([known?.ns ?? 0, stack.ns]))
    }
    return rows.values.sorted { ($1.ns, $0.name) < ($0.ns, $1.name) }
  }

  private func name(of stack: StackPart) -> String {
    escaped(stack.comm) + ": " + (stack.caller.map { escaped($0) } ?? "unknown")
  }

  /// Lines no wider than that.
  public func details(_ report: CloneSnapshot, of name: String, columns: Int) -> [String] {
    let text = CloneText(columns: columns, color: false, bars: .blocks)
    var own = report
    own.stacks = report.stacks.filter { self.name(of: $0) == name }
    own.children = report.children?.filter { row in own.stacks.contains { $0.comm == row.comm } }
    guard !own.stacks.isEmpty else { return ["no clones from this caller in this interval"] }
    // Its own alone: not those of the parent's other callers.
    var copies = own
    copies.children = nil
    let lines =
      text.stacks(own) + section(text.discardedCopies(copies)) + section(text.children(own))
    return lines.map { $0.text(columns: columns, color: false, mark: "~") }
  }

  private func section(_ lines: [Line]) -> [Line] { lines.isEmpty ? [] : [Line()] + lines }
}
