import Reports
import SystemPackage

/// A single result, as text or as one JSON object, to standard output or to a file that appears
/// complete.
public struct Document {
  private let options: OutputOptions

  public init(_ options: OutputOptions) { self.options = options }

  /// - Parameters:
  ///   - html: makes a page of it; nil where there is none.
  ///   - text: makes it for so many columns, in color or not.
  /// - Throws: `Failure` where it can't be written.
  public func write(
    json value: some Encodable, html: (() -> String)? = nil,
    text: (_ columns: Int, _ color: Bool) -> String
  ) throws {
    guard let path = options.output else {
      try printOut(try content(value, html, text, .standardOutput))
      return
    }
    let file: OutputFile
    do {
      file = try OutputFile(path)
    } catch {
      throw Failure("can't write \(path): \(error)")
    }
    do {
      try Terminal.write(try content(value, html, text, file.descriptor), to: file.descriptor)
      try file.finish()
    } catch {
      file.discard()
      throw Failure("can't write \(path): \(error)")
    }
  }

  private func content(
    _ value: some Encodable, _ html: (() -> String)?, _ text: (Int, Bool) -> String,
    _ descriptor: FileDescriptor
  ) throws -> String {
    if options.format == .html, let html { return html() }
    guard options.format == .text else {
      return String(decoding: try SnapshotJSON.line(value), as: UTF8.self) + "\n"
    }
    let isTerminal = Terminal.isTerminal(descriptor)
    let color =
      switch options.color {
      case .always: true
      case .never: false
      case .auto: isTerminal && Terminal.understandsEscapes && !Terminal.colorIsUnwanted
      }
    return text(Terminal.columns(of: descriptor), color)
  }
}
