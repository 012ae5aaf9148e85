import CExperiment
import CLinux
import Glibc
import Proc
import Reports
import Session
import SystemPackage

/// One process with memory of one kind: see CExperiment.h.
@safe struct Experiment: ~Copyable {
  enum Failure: Error {
    /// A call failed in the process: its name and error number.
    case failed(call: String, errno: Int32)
    /// A signal ended it, as where memory ran out.
    case killed(signal: Int32)
    /// The user wants no more.
    case interrupted(signal: Int32)
  }

  let pid: pid_t
  private let gate: Int32
  private let report: FileDescriptor
  private let outcome: UnsafeMutablePointer<sonde_outcome>

  private init(
    _ pid: pid_t, gate: Int32, report: Int32, outcome: UnsafeMutablePointer<sonde_outcome>
  ) {
    (self.pid, self.gate, self.report) = (pid, gate, FileDescriptor(rawValue: report))
    unsafe self.outcome = outcome
  }

  static func start(
    _ arrangement: sonde_arrangement, _ loop: inout EventLoop
  ) throws -> Experiment {
    let size = MemoryLayout<sonde_outcome>.size
    guard let memory = unsafe sonde_shared(size) else {
      throw Failure.failed(call: "mmap", errno: errno)
    }
    let outcome = unsafe memory.bindMemory(to: sonde_outcome.self, capacity: 1)
    var arrangement = arrangement
    var gate: Int32 = -1
    var report: Int32 = -1
    let pid = unsafe sonde_start_experiment(&arrangement, outcome, &gate, &report)
    guard pid > 0 else {
      let error = errno
      unsafe munmap(memory, size)
      throw Failure.failed(call: "fork", errno: error)
    }
    let experiment = unsafe Experiment(pid, gate: gate, report: report, outcome: outcome)
    try loop.watch(ring: experiment.report)
    return experiment
  }

  deinit {
    close(gate)
    try? report.close()
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
    unsafe munmap(outcome, MemoryLayout<sonde_outcome>.size)
  }

  var result: sonde_outcome { unsafe outcome.pointee }

  /// Waits for the next stage.
  func reach(_ loop: inout EventLoop) throws {
    while true {
      let wakeup = try loop.wait(until: Clocks.monotonic + 1_000_000_000)
      if let signal = wakeup.signal { throw Failure.interrupted(signal: signal) }
      var wanted = pollfd(fd: report.rawValue, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&wanted, 1, 0) > 0 else { continue }
      var byte: UInt8 = 0
      let count = unsafe read(report.rawValue, &byte, 1)
      if count == 1 { return }
      if count < 0, errno == EINTR { continue }
      throw ended()
    }
  }

  /// Lets it go on to the next stage.
  func goOn() {
    var byte: UInt8 = 0
    _ = unsafe write(gate, &byte, 1)
  }

  private func ended() -> Failure {
    let outcome = result
    if outcome.error != 0 {
      let call = unsafe withUnsafeBytes(of: outcome.failed) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      return .failed(call: call, errno: outcome.error)
    }
    let status = sonde_exit_status(pid, true)
    return status > 128 ? .killed(signal: status - 128) : .failed(call: "exit", errno: 0)
  }
}
