import BPF
import CloneModel
import Glibc
import Reports
import Symbols

// Attaching to the parts of a clone: what this kernel has of them, by the best probe for each.

extension CloneProbes {
  /// The call as a whole.
  ///
  /// - Returns: what it is seen by.
  static func attachWhole(
    _ object: borrowing Object, _ strategy: ProbeStrategy, _ kernel: borrowing KernelFeatures,
    _ symbols: KernelSymbols?, _ attached: inout Attached
  ) throws(BPFError) -> String {
    if strategy == .fentry, losesFunctionEntries(kernel, symbols) {
      try attached.attach(object.program("kernel_clone_end"))
      try attached.attach(object.program("kernel_clone_begin"))
      return "kprobe.multi/kernel_clone"
    }
    try attached.attach(object.program("kernel_clone_\(strategy.endings.end)"))
    try attached.attach(object.program("kernel_clone_\(strategy.endings.begin)"))
    return strategy.probe("kernel_clone")
  }

  /// The copy of the address space and of each mapping's page tables. A kernel that has inlined one of
  /// them, or refuses it, is reported and goes without.
  static func attachCopies(
    _ object: borrowing Object, _ strategy: ProbeStrategy, _ kernel: borrowing KernelFeatures,
    _ symbols: KernelSymbols?, _ substitute: CloneProbeOptions.Substitute?,
    _ attached: inout Attached, _ coverage: inout CloneCoverage
  ) -> [ProbePart] {
    let (begin, end) = strategy.endings
    let copy = "address-space copy"
    var ladder: [ProbePart] = []
    var failure = substitute == .bracket ? "disabled" : reasonAgainst("dup_mmap", symbols)
    if failure == nil {
      failure = reason {
        () throws(BPFError) in
        try attached.attach(object.program("dup_mmap_\(end)"))
        try attached.attach(object.program("dup_mmap_\(begin)"))
      }
    }
    if failure == nil {
      ladder.append(ProbePart(feature: copy, probe: strategy.probe("dup_mmap"), available: .yes))
      coverage.measuresCopies = true
    } else {
      let missing = reason {
        () throws(BPFError) in
        try attached.attach(object.program("bracket_end_\(begin)"))
        try attached.attach(object.program("bracket_begin_\(begin)"))
      }
      coverage.measuresCopies = missing == nil
      ladder.append(
        ProbePart(
          feature: copy, probe: strategy.probe("uprobe_start_dup_mmap, uprobe_end_dup_mmap"),
          available: missing == nil ? .yes : .no, reason: missing ?? failure))
    }
    let missing = reason {
      () throws(BPFError) in
      // c78f463649d6 ("mm: remove src/dst mm parameter in copy_page_range()"), 5.10.
      guard kernel.parameterCount(of: "copy_page_range") ?? 2 == 2 else {
        throw BPFError(
          .unsupported, "identify the copied mapping",
          cause: "copy_page_range has different parameters in this kernel")
      }
      try attached.attach(object.program("mapping_\(end)"))
      try attached.attach(object.program("mapping_\(begin)"))
    }
    coverage.measuresMappings = missing == nil
    ladder.append(
      ProbePart(
        feature: "page-table copy, per mapping", probe: strategy.probe("copy_page_range"),
        available: missing == nil ? .yes : .no, reason: missing))
    return ladder
  }

  /// Where a step can be seen: a symbol, or why there is none.
  ///
  /// The compiler may have inlined such small functions, or changed one and its name with it
  /// (`copy_pte_range.isra.0`). Of a part of one, `.part` or `.cold`, the time says nothing.
  static func place(
    of step: Clone.Step, _ strategy: ProbeStrategy, _ kernel: borrowing KernelFeatures,
    _ symbols: KernelSymbols?
  ) -> (symbol: String, reason: String?) {
    let function = step.function
    guard let symbols else { return (function, nil) }
    let names = symbols.addresses(named: function).map(\.name)
      .filter { !$0.contains(".part") && !$0.contains(".cold") }
    guard let name = names.first else { return (function, "\(function) is inlined in this kernel") }
    guard names.count == 1 else {
      return (function, "this kernel has \(names.count) functions named \(function)")
    }
    if strategy == .fentry, case .no(let reason) = kernel.function(name) {
      return (name, reason)
    }
    return (name, nil)
  }

  static func attachSteps(
    _ object: borrowing Object, _ strategy: ProbeStrategy, _ kernel: borrowing KernelFeatures,
    _ symbols: KernelSymbols?, _ attached: inout Attached, _ coverage: inout CloneCoverage
  ) -> [ProbePart] {
    let (begin, end) = strategy.endings
    var ladder: [ProbePart] = []
    for step in Clone.Step.allCases {
      let (symbol, isMissing) = place(of: step, strategy, kernel, symbols)
      let missing =
        isMissing
        ?? reason {
          () throws(BPFError) in
          let ends = try object.program("\(step.function)_\(end)")
          let begins = try object.program("\(step.function)_\(begin)")
          if strategy == .fentry {
            try attached.attach(ends)
            try attached.attach(begins)
          } else {
            try attached.attach(ends, kprobe: symbol, atReturn: true)
            try attached.attach(begins, kprobe: symbol, atReturn: false)
          }
        }
      if missing == nil { coverage.steps.append(step) }
      ladder.append(
        ProbePart(
          feature: step.feature, probe: strategy.probe(symbol),
          available: missing == nil ? .yes : .no,
          reason: missing))
    }
    return ladder
  }

  /// Why it didn't work; nil where it did.
  static func reason(_ body: () throws(BPFError) -> Void) -> String? {
    do throws(BPFError) {
      try body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// Why a function can't be probed: inlined, or there more than once; nil where it stands once.
  static func reasonAgainst(_ function: String, _ symbols: KernelSymbols?) -> String? {
    guard let symbols else { return nil }
    let found = symbols.addresses(named: function).filter { $0.name == function }
    switch found.count {
    case 0: return "\(function) is inlined in this kernel"
    case 1: return nil
    default: return "this kernel has \(found.count) functions named \(function)"
    }
  }

  static func attachSamples(
    _ object: borrowing Object, _ cpus: [Int], _ symbols: KernelSymbols?, _ reason: String?,
    _ attached: inout Attached, _ coverage: inout CloneCoverage
  ) -> [ProbePart] {
    let feature = "phases of a clone"
    let probe = "kernel stack samples, \(sampleFrequency) Hz"
    guard symbols != nil else {
      return [
        ProbePart(
          feature: feature, probe: probe, available: .no,
          reason: hiddenAddresses)
      ]
    }
    do throws(BPFError) {
      let program = try object.program("sample")
      attached.phases = try Sampler(program, frequency: sampleFrequency, onlineCPUs: cpus)
      attached.programs.append(program)
      coverage.samples = true
      return [ProbePart(feature: feature, probe: probe, available: .yes, reason: reason)]
    } catch {
      return [ProbePart(feature: feature, probe: probe, available: .no, reason: "\(error)")]
    }
  }

  /// What forks cost after the call. Not among the programs whose cost is per clone: it costs the same
  /// without any.
  static func attachAfterFork(
    _ object: borrowing Object, _ cpus: [Int], _ symbols: KernelSymbols?,
    _ attached: inout Attached
  ) -> ProbePart {
    var part = ProbePart(
      feature: "cost after a fork", probe: "kernel stack samples, \(afterForkFrequency) Hz",
      available: .yes)
    guard symbols != nil else {
      (part.available, part.reason) = (.no, hiddenAddresses)
      return part
    }
    do throws(BPFError) {
      let program = try object.program("after_fork")
      attached.afterFork = try Sampler(program, frequency: afterForkFrequency, onlineCPUs: cpus)
    } catch {
      (part.available, part.reason) = (.no, "\(error)")
    }
    return part
  }

  /// Of the allocations first: a copy is seen whose fault is seen.
  static let faultPrograms = ["page_allocated", "user_fault", "kernel_fault"]

  /// Why write faults after a fork can't be counted; nil where they can.
  static func reasonAgainstFaults(_ kernel: borrowing KernelFeatures) -> String? {
    #if arch(x86_64)
      for tracepoint in ["page_fault_user", "page_fault_kernel", "mm_page_alloc"] {
        if case .no(let reason) = kernel.tracepoint(tracepoint) { return reason }
      }
      return nil
    #else
      return "the error code of a fault is read as x86 has it"
    #endif
  }

  static func attachFaults(
    _ object: borrowing Object, _ kernel: borrowing KernelFeatures,
    _ probeOptions: CloneProbeOptions, _ attached: inout Attached
  ) throws(BPFError) -> ProbePart {
    var part = ProbePart(
      feature: "copy-on-write faults",
      probe: "tp_btf/page_fault_user, page_fault_kernel, mm_page_alloc", available: .yes)
    guard probeOptions.faults else {
      (part.available, part.reason) = (.no, reasonAgainstFaults(kernel) ?? "without --faults")
      return part
    }
    for name in faultPrograms {
      let program = try object.program(name)
      attached.links.append(CloneProbes.Held(try program.attach()))
      attached.faultPrograms.append(program)
    }
    return part
  }

  static func stacks(areCopied: Bool) -> ProbePart {
    ProbePart(
      feature: "call stacks",
      probe: areCopied ? "copy of the user stack, .eh_frame" : "bpf_get_stack, frame pointers",
      available: .yes, reason: areCopied ? nil : UnwoundStacks.reasonAgainst)
  }

  private static let hiddenAddresses =
    "addresses in /proc/kallsyms are hidden; run as root, or grant CAP_SYSLOG"
}

extension Clone.Step {
  /// What it does, and how often, as the ladder names it.
  fileprivate var feature: String {
    switch self {
    case .mapping: "step: VMA, per mapping"
    case .reverseMapping: "step: reverse mapping, per mapping"
    case .hugetlb: "step: hugetlb page tables, per mapping"
    case .entries: "step: page-table entries, per 2 MiB"
    }
  }
}
