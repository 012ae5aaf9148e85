import BPF
import Records
import Reports
import Symbols

/// The best available source for the kernel's load samples.
///
/// A probe on `calc_global_load()` notes each load sample at its own instant. Without one the kernel side reads
/// the outcome as the consumer is given a CPU; and where that has no symbol, it is what /proc/loadavg shows.
struct LoadSampleProbe: ~Copyable {
  private let link: Link?
  /// What load samples are seen by, for the ladder.
  let part: ProbePart

  /// That one program is left out where the function isn't in the kernel's BTF: it could not be loaded.
  static let atExit = "calc_global_load_exit"
  private static let atReturn = "calc_global_load_return"
  private static let function = "calc_global_load"

  /// Attaches, until it goes.
  ///
  /// - Parameter symbols: what the kernel side knows of where the load average is.
  init(_ object: borrowing Object, _ symbols: sonde_symbols) {
    guard symbols.calc_load_tasks != 0, symbols.avenrun != 0 else {
      link = nil
      part = Self.part(
        "jiffies, /proc/loadavg", "/proc/kallsyms has no data symbols, or hides them")
      return
    }
    guard symbols.calc_load_update != 0 else {
      link = nil
      part = Self.part(
        "jiffies, calc_load_tasks, avenrun", "/proc/kallsyms has no calc_load_update")
      return
    }
    do throws(BPFError) {
      link = try object.program(Self.atExit).attach()
      part = Self.part("fexit/\(Self.function)", nil)
      return
    } catch {
      // A kprobe needs no trampoline.
    }
    do throws(BPFError) {
      link = try object.program(Self.atReturn).attach()
      part = Self.part("kretprobe/\(Self.function)", nil)
    } catch {
      link = nil
      let reason =
        if case .no(let reason) = KernelFeatures.kprobes { reason } else { "\(error)" }
      part = Self.part(
        "jiffies, calc_load_tasks, avenrun", "no probe on \(Self.function): \(reason)")
    }
  }

  private static func part(_ probe: String, _ reason: String?) -> ProbePart {
    ProbePart(feature: "load samples", probe: probe, available: .yes, reason: reason)
  }

  /// What a run would see them by; found out by attaching for a moment.
  static func trial() -> ProbePart {
    let found = try? KernelSymbols.addresses(of: SchedProbes.loadSymbols)
    let symbols = sonde_symbols(found ?? [:])
    for programs in [[atExit, atReturn], [atReturn]] {
      guard let file = try? OpenObject(BPFObjects.sched),
        (try? file.setLoads(only: programs)) != nil, let object = try? file.load()
      else { continue }
      return LoadSampleProbe(object, symbols).part
    }
    return ProbePart(
      feature: "load samples", probe: "jiffies", available: .cannotTell,
      reason: "the BPF programs for it could not be loaded")
  }
}
