import ArgumentParser
import CLinux
import CommandLine
import Glibc
import Session
import SystemPackage

/// A command that is started, and held until it is traced.
struct HeldCommand {
  let pid: Int32
  private let gate: Int32
  private let report: Int32

  /// - Parameters:
  ///   - environment: set for it, besides what this process has.
  ///   - output: where it prints to, in a process group of its own; nil: where this process does, in
  ///     this one's.
  init(
    _ command: [String], environment: [String: String] = [:], output: FileDescriptor? = nil
  ) throws {
    let own = environment.keys.map { key in
      (key, unsafe getenv(key).map { unsafe String(cString: $0) })
    }
    for (key, value) in environment { unsafe setenv(key, value, 1) }
    defer {
      for (key, value) in own {
        if let value { unsafe setenv(key, value, 1) } else { unsafe unsetenv(key) }
      }
    }
    var gate: Int32 = -1
    var report: Int32 = -1
    let arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    defer { unsafe arguments.forEach { unsafe free($0) } }
    pid = unsafe arguments.withUnsafeBufferPointer { buffer in
      unsafe sonde_start_held(
        buffer.baseAddress, output?.rawValue ?? -1, &gate, &report)
    }
    guard pid > 0 else { throw Failure("can't start \(command[0]): \(errnoText(errno))") }
    (self.gate, self.report) = (gate, report)
    name = command[0]
  }

  private let name: String

  /// Lets it run.
  ///
  /// - Throws: the exit code 127 where there is no such program, 126 where it can't be run, as a
  ///   shell has it.
  func release() throws {
    var go: UInt8 = 1
    _ = unsafe write(gate, &go, 1)
    close(gate)
    var error: Int32 = 0
    var count: Int
    repeat {
      count = unsafe read(report, &error, MemoryLayout<Int32>.size)
    } while count < 0 && errno == EINTR
    close(report)
    guard count == MemoryLayout<Int32>.size else { return }
    waitpid(pid)
    warn("can't run \(name): \(errnoText(error))", as: Cloneprof.name)
    throw ExitCode(error == ENOENT ? 127 : 126)
  }

  func send(_ signal: Int32) {
    kill(pid, signal)
  }

  /// Waits for its end, and passes signals on meanwhile.
  ///
  /// - Returns: its exit status; of one that a signal ended, 128 and the signal's number.
  func wait() throws -> Int32 {
    var loop = try EventLoop(signals: [SIGINT, SIGTERM, SIGHUP], rings: [], output: nil)
    try loop.watch(process: pid)
    while true {
      let wakeup = try loop.wait(until: Clocks.monotonic + 3_600_000_000_000)
      // What a key sends the terminal sends to both.
      if let signal = wakeup.signal, !wakeup.isFromTerminal { send(signal) }
      if wakeup.allProcessesEnded { break }
    }
    let status = waitpid(pid)
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
  }

  /// Its exit status, of one that a signal ended 128 and its number; nil while it lives. It is still to
  /// be waited for.
  var exitStatus: Int32? {
    let status = sonde_exit_status(pid, false)
    return status < 0 ? nil : status
  }

  /// Waits for its end.
  func reap() { waitpid(pid) }

  @discardableResult
  private func waitpid(_ pid: Int32) -> Int32 {
    var status: Int32 = 0
    while unsafe Glibc.waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
  }
}

private func errnoText(_ error: Int32) -> String { unsafe String(cString: strerror(error)) }
