import ArgumentParser
import BPF
import CLinux
import Glibc
import Presentation
import Proc
import SystemPackage

/// Something went wrong that the user can act on.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Exit codes: see sysexits.h for those from 64 on; 77 is EX_NOPERM.
enum Exit {
  static let failure = ExitCode(1)
  static let unsupported = ExitCode(69)
  static let notPermitted = ExitCode(77)
}

/// Runs a command; an error becomes one line on standard error and an exit code.
func reporting(_ body: () throws -> Void) throws {
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
    complain("\(error)")
    if unsafe getenv("SONDE_LOG") != nil, let log = error.log {
      log.split(separator: "\n").forEach { complain(String($0)) }
    }
    throw code
  } catch let error as ExitCode {
    throw error
  } catch {
    complain("\(error)")
    throw Exit.failure
  }
}

/// In one line, whatever names of files are in it.
private func complain(_ text: String) {
  try? Terminal.write("loadwatch: \(escaped(text))\n", to: .standardError)
}
