public import Reports

/// Stacks as flame graph programs read them: "comm;outermost;...;innermost 123".
public enum FoldedStacks {
  public static func text(_ stacks: [StackPart], _ value: (StackPart) -> UInt64) -> String {
    stacks.filter { value($0) > 0 }.map { stack in
      let frames = stack.frames.isEmpty ? ["[unknown]"] : stack.frames.reversed()
      return ([stack.comm] + frames).map(name).joined(separator: ";") + " \(value(stack))\n"
    }.joined()
  }

  /// A semicolon would end the frame.
  private static func name(_ frame: String) -> String {
    String(escaped(frame).map { $0 == ";" ? ":" : $0 })
  }
}
