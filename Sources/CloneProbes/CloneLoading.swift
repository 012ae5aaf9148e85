import BPF
import CLinux
import CloneModel
import Glibc
import Records
import Symbols
import SystemPackage

// Which programs are loaded, for what the kernel can attach.

extension CloneProbes {
  /// What calls and their parts are seen by, the best first.
  enum ProbeStrategy: String, CaseIterable {
    case fentry, kprobe, syscalls

    /// How the names of its programs end, at a function's beginning and its end.
    var endings: (begin: String, end: String) {
      self == .fentry ? ("entry", "exit") : ("probe", "return")
    }

    /// As the ladder names it: "fentry/dup_mmap".
    func probe(_ function: String) -> String { "\(rawValue)/\(function)" }
  }

  /// Why a strategy isn't even tried.
  static func reasonAgainst(
    _ strategy: ProbeStrategy, _ kernel: borrowing KernelFeatures, _ symbols: KernelSymbols?
  ) -> String? {
    let availability: Availability =
      switch strategy {
      case .fentry: kernel.function("kernel_clone")
      case .kprobe: KernelFeatures.kprobes
      case .syscalls: .yes
      }
    if case .no(let reason) = availability { return reason }
    return nil
  }

  /// Whether a call that `fentry` misses is seen by a multi kprobe.
  ///
  /// Where the kernel is preemptible, a task may be preempted inside an fentry program; until it goes
  /// on, the kernel leaves the program out for all other tasks of that CPU. A hundred that fork at once
  /// thus lose most. A kprobe isn't preempted, but had room for few calls in progress, until fprobes
  /// took to the shadow stack of each task: 4346ba160409 ("fprobe: Rewrite fprobe on function-graph
  /// tracer"), 6.14. That costs more, so the many calls per mapping stay with fentry. And it takes the
  /// addresses of /proc/kallsyms, which with CAP_BPF and CAP_PERFMON alone are hidden.
  static func losesFunctionEntries(
    _ kernel: borrowing KernelFeatures, _ symbols: KernelSymbols?
  ) -> Bool {
    symbols != nil && kernel.function("fprobe_return").isYes
  }

  /// Loads the programs of a strategy, those of functions that aren't there left out.
  static func load(
    _ strategy: ProbeStrategy, _ kernel: borrowing KernelFeatures,
    _ probeOptions: CloneProbeOptions,
    possibleCPUs: Int,
    ringSize: Int, symbols: KernelSymbols?
  ) throws(BPFError) -> Object {
    let file = try OpenObject(BPFObjects.clone)
    try file.setMaxEntries("rings", possibleCPUs)
    try file.setMaxEntries("cpus", possibleCPUs)
    try file.setMaxEntries("ending", max(1024, 256 * possibleCPUs))
    if let most = probeOptions.mostChildren {
      try file.setMaxEntries("process_slots", 1)
      try file.setMaxEntries("processes", most)
    }
    let records = ringSize / 4 / (MemoryLayout<sonde_clone>.size + 8)
    try file.set(".rodata.config", to: sonde_config(wakeup_records: UInt32(records), cpus: 0))
    try file.set(
      ".rodata.clone",
      to: sonde_clone_config(
        only_wanted: probeOptions.processes.isEmpty ? 0 : 1, follows: probeOptions.follows ? 1 : 0,
        mapping_threshold: mappingThreshold, threads: probeOptions.threads ? 1 : 0,
        samples_after_fork: symbols == nil ? 0 : 1,
        copies_stacks: probeOptions.copiesStacks ? 1 : 0,
        counts_faults: probeOptions.faults ? 1 : 0, pad: 0))
    for program in faultPrograms { try file.setLoads(program, probeOptions.faults) }
    for call in systemCalls {
      try file.setLoads("\(call)_begins", strategy == .syscalls)
      try file.setLoads("\(call)_ends", strategy == .syscalls)
    }
    try file.setLoads("sample", strategy == .syscalls && symbols != nil)
    try file.setLoads("after_fork", symbols != nil)
    // An fentry program loads only where its function stands in BTF; a kprobe attaches only there.
    let functions = [
      ("kernel_clone", ["kernel_clone_entry", "kernel_clone_exit"]),
      ("dup_mmap", ["dup_mmap_entry", "dup_mmap_exit"]),
      ("uprobe_start_dup_mmap", ["bracket_begin_entry"]),
      ("uprobe_end_dup_mmap", ["bracket_end_entry"]),
      ("copy_page_range", ["mapping_entry", "mapping_exit"]),
    ]
    let isMulti = strategy == .fentry && losesFunctionEntries(kernel, symbols)
    try file.setLoads("kernel_clone_begin", isMulti)
    try file.setLoads("kernel_clone_end", isMulti)
    for (function, programs) in functions {
      let isThere = strategy == .fentry && kernel.function(function).isYes
      for program in programs { try file.setLoads(program, isThere) }
    }
    for program in ["kernel_clone", "dup_mmap", "mapping"] {
      try file.setLoads("\(program)_probe", strategy == .kprobe)
      try file.setLoads("\(program)_return", strategy == .kprobe)
    }
    for program in ["bracket_begin", "bracket_end"] {
      try file.setLoads("\(program)_probe", strategy == .kprobe)
    }
    for step in Clone.Step.allCases {
      let function = step.function
      let stands = probeOptions.steps && place(of: step, strategy, kernel, symbols).reason == nil
      for ending in ["entry", "exit"] {
        try file.setLoads("\(function)_\(ending)", stands && strategy == .fentry)
      }
      for ending in ["probe", "return"] {
        try file.setLoads("\(function)_\(ending)", stands && strategy == .kprobe)
      }
    }
    return try file.load()
  }

  /// libbpf looks up tracepoints in tracefs, which not every machine has mounted, and which only root
  /// may enter.
  static func ensureTracefs() throws(BPFError) {
    for root in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
      if unsafe access("\(root)/events", F_OK) == 0 { return }
      guard errno != EACCES else {
        throw BPFError(
          .notPermitted, "trace system calls", errno: .permissionDenied,
          cause: "\(root) is not accessible",
          remedy: "run as root: on this kernel only system calls can be traced, and CAP_BPF and "
            + "CAP_PERFMON don't suffice for that")
      }
    }
    guard sonde_mount_tracefs() == 0 else {
      throw BPFError(
        errno == EPERM ? .notPermitted : .unsupported, "trace system calls",
        errno: Errno(rawValue: errno), cause: "tracefs is not mounted",
        remedy: "run as root, or mount -t tracefs nodev /sys/kernel/tracing")
    }
  }
}
