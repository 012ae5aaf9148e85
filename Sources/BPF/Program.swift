import CLibbpf
import Glibc
import SystemPackage

/// A BPF program in the kernel.
@safe public struct Program {
  let pointer: OpaquePointer
  /// The C function's name.
  public let name: String
  private let owner: ObjectHandle

  init(_ pointer: OpaquePointer, name: String, of owner: ObjectHandle) {
    unsafe self.pointer = pointer
    self.name = name
    self.owner = owner
  }

  /// Attaches it where its `SEC()` says, until the link goes.
  public func attach() throws(BPFError) -> Link {
    let (link, code, log) = unsafe Log.collect { unsafe bpf_program__attach(pointer) }
    guard let link = unsafe link else {
      throw BPFError("attach \(name)", code: code, log: log)
    }
    return unsafe Link(link)
  }

  /// Attaches a kprobe program to a function that its `SEC()` need not name, until the link goes.
  ///
  /// - Parameter atReturn: as the function returns, not as it is called.
  public func attach(kprobe function: String, atReturn: Bool) throws(BPFError) -> Link {
    let (link, code, log) = unsafe Log.collect {
      unsafe bpf_program__attach_kprobe(pointer, atReturn, function)
    }
    guard let link = unsafe link else {
      throw BPFError("attach \(name) to \(function)", code: code, log: log)
    }
    return unsafe Link(link)
  }

  /// Runs a `SEC("syscall")` program once, on this thread, without a context.
  /// - Returns: what the program returned.
  @discardableResult public func run() throws(BPFError) -> UInt32 {
    var options = unsafe bpf_test_run_opts()
    unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
    let code = unsafe bpf_prog_test_run_opts(bpf_program__fd(pointer), &options)
    guard code == 0 else { throw BPFError("run \(name)", code: code) }
    return unsafe options.retval
  }

  /// What the kernel counts of a program (`struct bpf_prog_info`).
  public struct Statistics: Sendable {
    /// Time in the program, ns, while ``RunTimeStatistics`` were on. The kernel's own measuring,
    /// some 30 ns a run, is partly in it; the dispatch to the program is not.
    public var runTime: UInt64
    /// Runs while ``RunTimeStatistics`` were on.
    public var runs: UInt64
    /// Runs left out since the program was running on that CPU already (Linux 5.12).
    public var recursionMisses: UInt64
  }

  public func statistics() throws(BPFError) -> Statistics {
    var info = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    let code = unsafe bpf_obj_get_info_by_fd(bpf_program__fd(pointer), &info, &size)
    guard code == 0 else { throw BPFError("query program \(name)", code: code) }
    return Statistics(
      runTime: info.run_time_ns, runs: info.run_cnt, recursionMisses: info.recursion_misses)
  }
}

/// While one is held the kernel measures every BPF program's run time: `BPF_ENABLE_STATS`.
///
/// Costs all programs of the machine some 30 ns a run. Needs CAP_SYS_ADMIN.
public struct RunTimeStatistics: ~Copyable {
  private let descriptor: Int32

  public init() throws(BPFError) {
    descriptor = bpf_enable_stats(BPF_STATS_RUN_TIME)
    guard descriptor >= 0 else {
      throw BPFError(
        .notPermitted, "measure run times", errno: .init(rawValue: errno),
        remedy: "grant CAP_SYS_ADMIN")
    }
  }

  deinit {
    close(descriptor)
  }
}

/// An attached program. Detached as it goes out of scope.
@safe public struct Link: ~Copyable {
  private let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) {
    unsafe self.pointer = pointer
  }

  var descriptor: Int32 { unsafe bpf_link__fd(pointer) }

  /// Detaches now.
  public consuming func detach() {}

  deinit {
    unsafe bpf_link__destroy(pointer)
  }
}
