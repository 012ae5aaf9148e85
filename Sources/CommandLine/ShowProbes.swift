import Faces
public import Reports
import SystemPackage

/// Writes to standard output, as a table, what can be seen and by which means.
///
/// - Throws: `Failure` where it can't be written; that nobody reads it is none.
public func show(_ probes: [ProbePart]) throws {
  let columns = Terminal.columns(of: .standardOutput)
  do {
    try Terminal.write(probesText(probes, columns: columns), to: .standardOutput)
  } catch Errno.brokenPipe {
    return
  } catch {
    throw Failure("can't write to standard output: \(error)")
  }
}
