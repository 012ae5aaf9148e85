import Proc

/// Names for addresses in processes.
///
/// What a process has mapped is read when it is first asked for, and kept until ``forget(pid:)``.
/// What belongs to which address can only be told while the process lives; only root, or who has
/// CAP_SYS_PTRACE, can tell it of others' processes (man ptrace(2), PTRACE_MODE_READ_FSCREDS).
///
/// All names come from files, paths and mappings that any user can make, and may hold anything:
/// escape them before they are printed. Functions are named as the linker knows them: those of C++,
/// Rust and Swift are mangled.
public struct UserSymbols: Sendable {
  /// A process's mappings, and what was found of the files behind them.
  private struct Process: Sendable {
    let mappings: [Mapping]
    var files: [Mapping.File: MappedFile.Identity?] = [:]
  }

  private var processes = RecentlyUsed<Int32, Process>(limit: 256)
  private var files: RecentlyUsed<MappedFile.Identity, FileSymbols>
  private let debugDirectory: String

  /// Knows of nothing yet.
  ///
  /// - Parameters:
  ///   - fileLimit: the symbols of that many files are kept, of at most 256 MiB together; those
  ///     that were not used for longest are dropped, and read again where they are needed.
  ///   - debugDirectory: where separate debug files lie, as `.build-id/xx/yyyy.debug`.
  public init(fileLimit: Int = 64, debugDirectory: String = "/usr/lib/debug") {
    files = RecentlyUsed(limit: fileLimit, budget: 256 << 20)
    self.debugDirectory = debugDirectory
  }

  /// How many files' symbols are kept.
  package var fileCount: Int { files.count }

  /// The name of what lies at an address of a process, to be escaped.
  ///
  /// That is, the first that is known of
  /// - the function: "read". Of several names for it, that with the fewest leading underscores;
  /// - the file and the place in it: "libc.so.6+0x9f2d0";
  /// - what the kernel calls the mapping: "[vdso]", "[heap]";
  /// - "[unknown]" for memory without a file, as that into which code is compiled at run time.
  ///
  /// - Returns: nil where nothing is mapped there, where the process is gone, and where this one
  ///   may not look at it.
  public mutating func name(of address: UInt64, in pid: Int32) -> String? {
    guard let mapping = mapping(at: address, in: pid) else { return nil }
    guard mapping.file.inode != 0 else { return mapping.name.isEmpty ? "[unknown]" : mapping.name }
    let offset = mapping.fileOffset(of: address)
    if mapping.isExecutable, let name = function(atFileOffset: offset, of: mapping, in: pid) {
      return name
    }
    return "\(mapping.basename)+0x\(String(offset, radix: 16))"
  }

  /// What /proc/PID/maps calls the mapping that holds an address, to be escaped: a path, maybe with
  /// " (deleted)" behind it, "[heap]", "[stack]", "[anon:…]", or "" for memory without a name.
  ///
  /// - Returns: nil where ``name(of:in:)`` is.
  public mutating func mappingName(at address: UInt64, in pid: Int32) -> String? {
    mapping(at: address, in: pid)?.name
  }

  /// Reads anew what the process has mapped when it is asked for next: after it has loaded a
  /// library, executed another program or ended.
  public mutating func forget(pid: Int32) {
    processes.remove(pid)
  }

  private mutating func process(_ pid: Int32) -> Process? {
    if let known = processes.value(pid) { return known }
    // One that is gone has no file there; a zombie, an empty one.
    guard let mappings = try? Mapping.all(of: pid), !mappings.isEmpty else { return nil }
    let process = Process(mappings: mappings)
    processes.insert(process, under: pid)
    return process
  }

  /// The whole mapping that holds an address; nil where ``name(of:in:)`` is.
  package mutating func mapping(at address: UInt64, in pid: Int32) -> Mapping? {
    process(pid).flatMap { Mapping.holding(address, among: $0.mappings) }
  }

  private mutating func function(
    atFileOffset offset: UInt64, of mapping: Mapping, in pid: Int32
  ) -> String? {
    guard var process = process(pid) else { return nil }
    if let found = process.files[mapping.file] {
      guard let identity = found else { return nil }
      if let symbols = files.value(identity) { return symbols.name(atFileOffset: offset) }
    }
    guard let file = Lookups.shared.value({ MappedFile(mapping, of: pid) }) else {
      process.files[mapping.file] = .some(nil)
      processes.insert(process, under: pid)
      return nil
    }
    let identity = file.identity
    process.files[mapping.file] = .some(identity)
    processes.insert(process, under: pid)
    if let symbols = files.value(identity) { return symbols.name(atFileOffset: offset) }
    // Some take a while to read; one on a mount that hangs has not come this far.
    let directory = debugDirectory
    let symbols =
      Lookups.shared.value(within: 5_000_000_000) { file.symbols(debugDirectory: directory) }
      ?? FileSymbols()
    files.insert(symbols, under: identity, cost: symbols.cost)
    return symbols.name(atFileOffset: offset)
  }
}
