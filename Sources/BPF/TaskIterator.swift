import CLibbpf
import Glibc

/// An `iter/…` program that writes one record of fixed size per object, read from start to end.
@safe public struct TaskIterator: ~Copyable {
  private let link: Link
  private let name: String
  private let recordSize: Int
  private let buffer: UnsafeMutableRawBufferPointer
  private static let bufferSize = 64 * 1024

  /// - Parameters:
  ///   - program: an iterator (`SEC("iter/task")`).
  ///   - recordSize: what the program writes per object with `bpf_seq_write`, bytes; at most 64 KiB.
  /// - Throws: where a record can't have that size, or the kernel refuses.
  public init(_ program: Program, recordSize: Int) throws(BPFError) {
    guard (1...Self.bufferSize).contains(recordSize) else {
      throw BPFError(
        .failed, "read iterator \(program.name)", cause: "\(recordSize) is not a valid record size")
    }
    link = try program.attach()
    name = program.name
    self.recordSize = recordSize
    unsafe buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
  }

  deinit {
    unsafe buffer.deallocate()
  }

  /// Runs the program over all objects, in this thread, and lends each record to `body`.
  ///
  /// In a PID namespace the kernel shows the tasks of that namespace only (`task_seq_get_next()`).
  /// - Throws: where the kernel refuses, or what the program wrote is no multiple of the record's size.
  public func forEach(_ body: (RawSpan) -> Void) throws(BPFError) {
    let descriptor = bpf_iter_create(link.descriptor)
    guard descriptor >= 0 else { throw BPFError("run iterator \(name)", code: descriptor) }
    defer { close(descriptor) }
    var held = 0
    while true {
      let count = unsafe read(
        descriptor, buffer.baseAddress! + held, buffer.count - held)
      if count < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        throw BPFError("read iterator \(name)", code: errno)
      }
      if count == 0 {
        guard held == 0 else {
          throw BPFError(
            .failed, "read iterator \(name)", cause: "its records are not \(recordSize) bytes long")
        }
        return
      }
      held += count
      let whole = held - held % recordSize
      for offset in stride(from: 0, to: whole, by: recordSize) {
        let record = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + recordSize])
        unsafe body(record.bytes)
      }
      // A read may end inside a record.
      unsafe buffer.baseAddress!.copyMemory(
        from: buffer.baseAddress! + whole, byteCount: held - whole)
      held -= whole
    }
  }
}
