import CFrames
import Glibc
import Proc
import Symbols

/// Finds the callers on copies of stacks of programs that were built without frame pointers, as those
/// of most distributions are: by the call-frame information (`.eh_frame`) of the mapped files.
public struct Unwinder: Sendable {
  /// A process between two calls of exec: another one may have its id, and other files.
  public struct Program: Hashable, Sendable {
    public var pid: Int32
    /// In the kernel's own units.
    public var startTime: UInt64
    /// How often it has called exec.
    public var execID: UInt64

    public init(pid: Int32, startTime: UInt64, execID: UInt64) {
      (self.pid, self.startTime, self.execID) = (pid, startTime, execID)
    }
  }

  /// Why a stack isn't known any further, in place of an address: no code has such a one.
  public enum End: UInt64, Sendable {
    /// The process may not be read.
    case forbidden = 0xffff_ffff_ffff_ff01
    /// The caller's frame lies beyond the copy.
    case beyondCopy
    /// There are more functions than were asked for.
    case tooMany

    /// As it stands among the functions of a stack.
    public var name: String {
      switch self {
      case .forbidden: "[no permission to read this process]"
      case .beyondCopy: "[beyond the copied part of the stack]"
      case .tooMany: "[more]"
      }
    }
  }

  private struct Mapped: Sendable {
    /// None where they couldn't be read.
    var mappings: [Mapping]
    var read: UInt64
    var isForbidden = false
    var files: [Mapping.File: MappedFile.Identity?] = [:]
  }

  private var programs = RecentlyUsed<Program, Mapped>(limit: 64, budget: 16 << 20)
  private var files = RecentlyUsed<MappedFile.Identity, FileFrames?>(limit: 64, budget: 64 << 20)
  /// Files that took too long to read: when to try again, and how much later than the last time that is.
  private var slow: [Mapping.File: (retry: UInt64, delay: UInt64)] = [:]
  /// Whether one of them is needed.
  private var lacksTime = false
  private static let mostSlow = 64
  private static let longestDelay: UInt64 = 60_000_000_000
  /// How long reading a file may hold up the caller, ns.
  private static let readShare: UInt64 = 1_000_000_000
  /// Reading what a process has mapped takes its mmap_lock: not more often than that, ns.
  private static let readPeriod: UInt64 = 1_000_000_000
  /// But that often even where all is known.
  private static let refreshPeriod: UInt64 = 10_000_000_000

  public init() {}

  /// The addresses of code on a stack, innermost first: where the task was, and return addresses. The
  /// last may be an ``End``.
  ///
  /// A corrupt stack ends the walk: each frame has to lie above the one before, and each address in
  /// executable memory.
  ///
  /// - Parameters:
  ///   - registers: by their DWARF numbers.
  ///   - stack: a copy of the memory from the stack pointer on.
  ///   - most: how many addresses at most.
  ///   - now: CLOCK_MONOTONIC, ns.
  ///   - deadline: when to give up, on the same clock.
  /// - Returns: nil where there is no time for all of it.
  public mutating func addresses(
    of program: Program, registers: [17 of UInt64], stack: [UInt8], most: Int, now: UInt64,
    deadline: UInt64
  ) -> [UInt64]? {
    var frame = sonde_frame()
    unsafe withUnsafeMutableBytes(of: &frame.registers) { room in
      for index in registers.indices {
        unsafe room.storeBytes(
          of: registers[index], toByteOffset: 8 * index, as: UInt64.self)
      }
    }
    frame.known = 1 << UInt32(SONDE_FRAME_REGISTERS) - 1
    var found = [frame.instruction]
    lacksTime = false
    guard code(at: frame, program, now, isFirst: true) != nil else {
      guard programs.value(program)?.isForbidden == true else { return [] }
      return found + [End.forbidden.rawValue]
    }
    func add(_ end: End) { found = found.prefix(most - 1) + [end.rawValue] }
    return unsafe stack.withUnsafeBufferPointer { bytes -> [UInt64]? in
      let memory = unsafe sonde_memory(
        start: frame.stack, bytes: bytes.baseAddress, length: bytes.count)
      while Self.now < deadline {
        var caller = frame
        let outcome = unsafe step(&caller, program, memory, now)
        if lacksTime { return nil }
        if outcome == .beyond { add(.beyondCopy) }
        guard outcome == .stepped else { return found }
        // vfork() has no frame of its own as it is in the kernel.
        let isAbove =
          caller.stack > frame.stack || (found.count == 1 && caller.stack == frame.stack)
        guard isAbove, code(at: caller, program, now) != nil else { return found }
        guard found.count < most else {
          add(.tooMany)
          return found
        }
        frame = caller
        found.append(frame.instruction)
      }
      return nil
    }
  }

  private mutating func step(
    _ frame: inout sonde_frame, _ program: Program, _ memory: sonde_memory, _ now: UInt64
  ) -> FileFrames.Step {
    guard let mapping = code(at: frame, program, now) else { return .end }
    if let frames = frames(of: mapping, in: program, now) {
      let step = unsafe frames.step(
        at: mapping.fileOffset(of: frame.instruction), &frame, memory)
      guard step == .nothingKnown else { return step }
    }
    // glibc's clone() and clone3() say nothing of the place behind the system call: there the return
    // address is still on top of the stack.
    if frame.is_return == 0, let word = unsafe memory.word(at: frame.stack) {
      var caller = frame
      caller.instruction = word
      caller.is_return = 1
      if code(at: caller, program, now) != nil {
        caller.stack &+= 8
        frame = caller
        return .stepped
      }
    }
    return unsafe frame.stepByFramePointer(memory) ? .stepped : .end
  }

  /// The mapping that holds what the frame executes, or the call that it returns from.
  private mutating func code(
    at frame: sonde_frame, _ program: Program, _ now: UInt64, isFirst: Bool = false
  ) -> Mapping? {
    let address = frame.instruction &- (frame.is_return == 0 ? 0 : 1)
    let known = programs.value(program)
    let found = known.flatMap { Mapping.holding(address, among: $0.mappings) }
    if let found, found.isExecutable, !isFirst || now < known!.read &+ Self.refreshPeriod {
      return found
    }
    if let read = known?.read, now < read &+ Self.readPeriod { return nil }
    // It may have loaded a library, or another one where one was, or made code.
    var mapped = known ?? Mapped(mappings: [], read: now)
    mapped.read = now
    do throws(ProcError) {
      mapped.mappings = try Mapping.all(of: program.pid)
      mapped.isForbidden = false
    } catch {
      mapped.isForbidden = error.errno == EACCES || error.errno == EPERM
    }
    insert(mapped, program)
    return Mapping.holding(address, among: mapped.mappings).flatMap { $0.isExecutable ? $0 : nil }
  }

  /// Nil where there are none, or where it takes too long to find out: ``lacksTime``.
  private mutating func frames(
    of mapping: Mapping, in program: Program, _ now: UInt64
  ) -> FileFrames? {
    guard mapping.file.inode != 0, var mapped = programs.value(program) else { return nil }
    if let found = mapped.files[mapping.file] {
      guard let identity = found else { return nil }
      if let frames = files.value(identity) { return frames }
    }
    let pid = program.pid
    if let slow = slow[mapping.file], now < slow.retry {
      lacksTime = true
      return nil
    }
    guard let file = Lookups.shared.value({ Found(MappedFile(mapping, of: pid)) }) else {
      postpone(mapping.file, now)
      return nil
    }
    mapped.files[mapping.file] = .some(file.value?.identity)
    insert(mapped, program)
    guard let file = file.value else { return nil }
    if let frames = files.value(file.identity) { return frames }
    let read = Lookups.shared.value(within: Self.readShare) { Found(FileFrames(file)) }
    guard let read else {
      postpone(mapping.file, now)
      return nil
    }
    slow[mapping.file] = nil
    files.insert(read.value, under: file.identity, cost: read.value?.cost ?? 0)
    return read.value
  }

  private mutating func postpone(_ file: Mapping.File, _ now: UInt64) {
    let delay = min(2 * (slow[file]?.delay ?? Self.readPeriod), Self.longestDelay)
    if slow.count >= Self.mostSlow { slow = [:] }
    slow[file] = (now + delay, delay)
    lacksTime = true
  }

  /// What was looked for, and may not be there: other than what was not answered in time.
  private struct Found<Value: Sendable>: Sendable {
    let value: Value?
    init(_ value: Value?) { self.value = value }
  }

  private mutating func insert(_ mapped: Mapped, _ program: Program) {
    programs.insert(
      mapped, under: program, cost: mapped.mappings.count * MemoryLayout<Mapping>.stride)
  }

  private static var now: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

extension sonde_frame {
  private func register(_ number: Int32) -> UInt64 {
    unsafe withUnsafeBytes(of: registers) {
      unsafe $0.load(fromByteOffset: 8 * Int(number), as: UInt64.self)
    }
  }

  private mutating func setRegister(_ number: Int32, to value: UInt64) {
    unsafe withUnsafeMutableBytes(of: &registers) {
      unsafe $0.storeBytes(of: value, toByteOffset: 8 * Int(number), as: UInt64.self)
    }
  }

  fileprivate var instruction: UInt64 {
    get { register(SONDE_FRAME_IP) }
    set { setRegister(SONDE_FRAME_IP, to: newValue) }
  }

  fileprivate var stack: UInt64 {
    get { register(SONDE_FRAME_SP) }
    set { setRegister(SONDE_FRAME_SP, to: newValue) }
  }

  /// As code does that was compiled with frame pointers, or at run time.
  fileprivate mutating func stepByFramePointer(_ memory: sonde_memory) -> Bool {
    let pointer = register(SONDE_FRAME_BP)
    guard known & 1 << UInt32(SONDE_FRAME_BP) != 0, pointer >= stack,
      let last = unsafe memory.word(at: pointer), let caller = unsafe memory.word(at: pointer &+ 8)
    else { return false }
    setRegister(SONDE_FRAME_BP, to: last)
    stack = pointer &+ 16
    instruction = caller
    is_return = 1
    return true
  }
}

extension sonde_memory {
  fileprivate func word(at address: UInt64) -> UInt64? {
    let place = unsafe address &- start
    guard unsafe address >= start, unsafe length >= 8, unsafe place <= UInt64(length) - 8,
      let bytes = unsafe bytes
    else { return nil }
    return unsafe UnsafeRawPointer(bytes).loadUnaligned(
      fromByteOffset: Int(place), as: UInt64.self)
  }
}
