import Faces
import SystemPackage

/// A line on standard error that is drawn over, where that is a terminal.
public struct ProgressLine {
  let isShown = Terminal.isTerminal(.standardError) && Terminal.understandsEscapes
  private var isThere = false

  public init() {}

  public mutating func show(_ text: String) {
    guard isShown else { return }
    let columns = Terminal.columns(of: .standardError)
    try? Terminal.write(
      "\r\u{1b}[K" + clipped(text, to: columns - 1, mark: "~"), to: .standardError)
    isThere = true
  }

  public mutating func clear() {
    if isThere { try? Terminal.write("\r\u{1b}[K", to: .standardError) }
    isThere = false
  }
}
