import BPF
import Glibc
import SystemPackage

/// Runs a program at a fixed rate on each CPU, but for idle ones.
struct Sampler {
  private let program: Program
  private let frequency: Int
  private var clocks: [Int: Clock] = [:]
  private var isTicking = true

  private final class Clock {
    let clock: CPUClock

    init(_ clock: consuming CPUClock) { self.clock = clock }
  }

  /// - Parameters:
  ///   - frequency: how often a second: a prime, lest it keep step with something periodic.
  ///   - cpus: those that are online.
  /// - Throws: where the kernel refuses a clock or the program.
  init(_ program: Program, frequency: Int, onlineCPUs cpus: [Int]) throws(BPFError) {
    self.program = program
    self.frequency = frequency
    for cpu in cpus { clocks[cpu] = try clock(of: cpu) }
  }

  /// Nil where the CPU is offline.
  private func clock(of cpu: Int) throws(BPFError) -> Clock? {
    do throws(BPFError) {
      return Clock(try CPUClock(of: cpu, frequency: frequency, running: program))
    } catch {
      guard error.errno?.rawValue == ENODEV else { throw error }
      return nil
    }
  }

  /// Pauses or resumes it.
  mutating func setTicking(_ ticks: Bool) {
    isTicking = ticks
    for clock in clocks.values { clock.clock.setTicking(ticks) }
  }

  /// Starts clocks on CPUs that have come online. The clock of one that has gone offline never ticks
  /// again.
  mutating func follow(onlineCPUs cpus: [Int]) {
    clocks = clocks.filter { cpus.contains($0.key) }
    for cpu in cpus where clocks[cpu] == nil {
      clocks[cpu] = try? clock(of: cpu)
      clocks[cpu]?.clock.setTicking(isTicking)
    }
  }

  mutating func stop() { clocks = [:] }
}
