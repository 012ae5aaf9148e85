public import ArgumentParser
import BPF
import CLinux
import Glibc
import Faces
import SystemPackage

/// Something went wrong that the user can act on.
public struct Failure: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// Exit codes: see sysexits.h for those from 64 on; 77 is EX_NOPERM.
public enum Exit {
  public static let failure = ExitCode(1)
  public static let unsupported = ExitCode(69)
  public static let notPermitted = ExitCode(77)
}

/// Runs a command; an error becomes one line on standard error and an exit code.
///
/// - Parameter tool: the name that the line begins with.
/// - Throws: an `ExitCode`, and nothing else.
public func reporting(tool: String, _ body: () throws -> Void) throws {
  sonde_reserve_standard_descriptors()
  // A reader that went away is an error of write(2), not the end of this process.
  signal(SIGPIPE, SIG_IGN)
  do {
    try body()
  } catch let error as BPFError {
    let code =
      switch error.kind {
      case .notPermitted: Exit.notPermitted
      case .unsupported: Exit.unsupported
      case .failed: Exit.failure
      }
    warn("\(error)", as: tool)
    if unsafe getenv("SONDE_LOG") != nil, let log = error.log {
      log.split(separator: "\n").forEach { warn(String($0), as: tool) }
    }
    throw code
  } catch let error as ExitCode {
    throw error
  } catch {
    warn("\(error)", as: tool)
    throw Exit.failure
  }
}

/// A message to whoever sits there, beside the output: one line, whatever names of files are in it.
public func warn(_ text: String, as tool: String) {
  try? Terminal.write("\(tool): \(escaped(text))\n", to: .standardError)
}
