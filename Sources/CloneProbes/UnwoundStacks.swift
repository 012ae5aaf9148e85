import BPF
import Proc
import Records
import Session
import Unwinding

/// Makes records of stacks of copies of stacks, as the calls end, or as pages are copied: until its end a fork holds its process's
/// mmap_lock, and what is mapped can't be read.
struct UnwoundStacks {
  fileprivate struct Copy {
    let header: sonde_header
    let program: Unwinder.Program
    let registers: [17 of UInt64]
    let bytes: [UInt8]
  }

  private var unwinder = Unwinder()
  /// Of calls in progress and of page copies, by thread.
  private var copies: [UInt32: Copy] = [:]
  private static let mostCopies = 128
  /// When not to unwind any more before the next drain, CLOCK_MONOTONIC, ns.
  private var deadline: UInt64 = 0
  private static let drainShare: UInt64 = 20_000_000
  /// And how long one stack may take: of a file that lies.
  private static let stackShare: UInt64 = 20_000_000

  /// Why stacks can't be unwound here; nil where they can.
  static var reasonAgainst: String? {
    #if arch(x86_64)
      // What a process has mapped is read by the ids of this namespace.
      PIDNamespace.isInitial ? nil : "inside a PID namespace, PIDs differ from the kernel's"
    #else
      "call-frame information is read only on x86_64"
    #endif
  }

  mutating func beginDrain() { deadline = Clocks.monotonic + Self.drainShare }

  static func kind(of record: RawSpan) -> UInt32 {
    guard record.byteCount >= MemoryLayout<sonde_header>.size else { return 0 }
    return UInt32(unsafe record.unsafeLoad(as: sonde_header.self).kind)
  }

  /// - Precondition: the record is a `sonde_stack_copy`.
  mutating func keep(_ record: RawSpan) {
    let copy = Copy(record)
    if copies.count >= Self.mostCopies, copies[copy.header.tid] == nil,
      let oldest = copies.min(by: { $0.value.header.time < $1.value.header.time })?.key
    {
      copies[oldest] = nil
    }
    copies[copy.header.tid] = copy
  }

  /// The stack of a call that has ended; nil where no copy was taken of it, or there is no time.
  ///
  /// - Precondition: the record is a `sonde_clone`.
  mutating func stack(ofEnded record: RawSpan) -> sonde_stack? {
    guard !copies.isEmpty else { return nil }
    return stack(
      of: record,
      takenAt: unsafe record.unsafeLoad(
        fromByteOffset: MemoryLayout<sonde_clone>.offset(of: \.begin)!, as: UInt64.self))
  }

  /// The stack of a write that copied a page.
  ///
  /// - Precondition: the record is a `sonde_page_copy`.
  mutating func stack(ofPageCopy record: RawSpan) -> sonde_stack? {
    guard !copies.isEmpty else { return nil }
    let copy = unsafe record.unsafeLoad(as: sonde_page_copy.self)
    // A child may be gone already, and has what its parent has mapped.
    return stack(of: record, takenAt: copy.stack, in: Int32(bitPattern: copy.tgid))
  }

  /// - Parameter pid: whose mappings to go by, where they aren't the thread's own process's.
  private mutating func stack(
    of record: RawSpan, takenAt time: UInt64, in pid: Int32? = nil
  ) -> sonde_stack? {
    let header = unsafe record.unsafeLoad(as: sonde_header.self)
    guard let copy = copies.removeValue(forKey: header.tid), copy.header.time == time else {
      return nil
    }
    let now = Clocks.monotonic
    guard now < deadline else { return nil }
    // What many children have of one parent is read once.
    let isOwn = pid == nil || pid == copy.program.pid
    // It may be in a fork, and what it has mapped can't be read.
    guard isOwn || !copies.values.contains(where: { $0.program.pid == pid }) else { return nil }
    guard
      let found = unwinder.addresses(
        of: Unwinder.Program(
          pid: pid ?? copy.program.pid, startTime: isOwn ? copy.program.startTime : 0,
          execID: copy.program.execID), registers: copy.registers, stack: copy.bytes,
        most: Int(SONDE_STACK_FRAMES), now: now,
        deadline: now + Self.stackShare)
    else { return nil }
    var stack = sonde_stack()
    stack.header = copy.header
    stack.header.kind = UInt8(SONDE_KIND_STACK.rawValue)
    stack.header.aux = UInt16(8 * found.count)
    unsafe withUnsafeMutableBytes(of: &stack.frames) { frames in
      for (index, address) in found.enumerated() {
        unsafe frames.storeBytes(of: address, toByteOffset: 8 * index, as: UInt64.self)
      }
    }
    return stack
  }
}

extension UnwoundStacks.Copy {
  /// Where the registers stand in struct pt_regs, by their DWARF numbers.
  private static let places: [17 of Int] = [
    10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16,
  ]

  fileprivate init(_ record: RawSpan) {
    typealias Layout = MemoryLayout<sonde_stack_copy>
    header = unsafe record.unsafeLoad(as: sonde_header.self)
    func word(_ offset: Int) -> UInt64 {
      unsafe record.unsafeLoad(fromByteOffset: offset, as: UInt64.self)
    }
    func half(_ offset: Int) -> UInt32 {
      unsafe record.unsafeLoad(fromByteOffset: offset, as: UInt32.self)
    }
    program = Unwinder.Program(
      pid: Int32(bitPattern: half(Layout.offset(of: \.tgid)!)),
      startTime: word(Layout.offset(of: \.start_time)!),
      execID: word(Layout.offset(of: \.exec_id)!))
    let place = Layout.offset(of: \.registers)!
    let registers = [17 of UInt64] { word(place + 8 * Self.places[$0]) }
    self.registers = registers
    // The bytes, whose array is too long for Swift to see, are the last of the record, and lie in it
    // page by page.
    let first = Layout.size - Int(SONDE_STACK_BYTES)
    let begin = Int(registers[7] % 4096)
    let end = min(Int(half(Layout.offset(of: \.end)!)), Int(SONDE_STACK_BYTES))
    bytes =
      begin < end
      ? (begin..<end).map { unsafe record.unsafeLoad(fromByteOffset: first + $0, as: UInt8.self) }
      : []
  }
}
