import CLibbpf
import Glibc

/// A clock that ticks on one CPU, but for its idle task, and runs a `SEC("perf_event")` program at each
/// tick. Until it goes.
public struct CPUClock: ~Copyable {
  private let link: Link
  /// The perf event; the link closes it.
  private let descriptor: Int32

  /// - Parameters:
  ///   - frequency: ticks per second; at most `kernel.perf_event_max_sample_rate`.
  ///   - program: what runs at each tick, on that CPU.
  /// - Throws: where the kernel refuses the clock or the program.
  public init(
    of cpu: Int, frequency: Int, running program: Program
  ) throws(BPFError) {
    let descriptor = sonde_cpu_clock(Int32(cpu), UInt(frequency))
    guard descriptor >= 0 else {
      throw BPFError("sample CPU \(cpu) \(frequency) times a second", code: errno)
    }
    do throws(BPFError) {
      link = try program.attach(toPerfEvent: descriptor)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  /// Lets it tick, or stand still and cost nothing.
  public func setTicking(_ ticks: Bool) {
    _ = sonde_set_ticking(descriptor, ticks ? 1 : 0)
  }
}

extension Program {
  /// The link takes the descriptor over.
  fileprivate func attach(toPerfEvent descriptor: Int32) throws(BPFError) -> Link {
    let (link, code, log) = unsafe Log.collect {
      unsafe bpf_program__attach_perf_event(pointer, descriptor)
    }
    guard let link = unsafe link else {
      throw BPFError("attach \(name)", code: code, log: log)
    }
    return unsafe Link(link)
  }
}
