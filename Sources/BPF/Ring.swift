import CLibbpf
import Glibc
public import Synchronization

/// The consumer's end of one ring buffer: `kernel/bpf/ringbuf.c`.
///
/// A record is a header of eight bytes (its length in the first four, two bits of which are flags)
/// and its data, rounded up to eight. Positions only grow; the place in the ring is the position
/// modulo the ring's size.
@safe @usableFromInline struct Ring {
  /// Whose ring it is; of a ring that all CPUs share, -1.
  @usableFromInline let cpu: Int
  let descriptor: Int32
  private let pages: UnsafeMutableRawPointer
  private let pageSize: Int
  private let size: Int
  @usableFromInline let consumer: UnsafePointer<Atomic<UInt>>
  @usableFromInline let producer: UnsafePointer<Atomic<UInt>>
  @usableFromInline let data: UnsafeRawPointer
  @usableFromInline let mask: UInt
  /// Up to where records were delivered.
  @usableFromInline var position: UInt
  /// Up to where the producer had reserved as this drain began.
  @usableFromInline var end: UInt

  /// - Parameter descriptor: of the map; closed by ``unmap()``.
  init(cpu: Int = -1, descriptor: Int32, size: Int) throws(BPFError) {
    self.cpu = cpu
    self.descriptor = descriptor
    self.size = size
    pageSize = Int(getpagesize())
    // One page to write, with the consumer's position; read-only: one with the producer's, then
    // the data twice in a row.
    let length = 2 * pageSize + 2 * size
    let pages = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let pages = unsafe pages, unsafe pages != MAP_FAILED else {
      throw BPFError("map a ring buffer into memory", code: errno)
    }
    guard
      unsafe mmap(
        pages, pageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0)
        != MAP_FAILED
    else {
      let code = errno
      unsafe munmap(pages, length)
      throw BPFError("map a ring buffer into memory", code: code)
    }
    unsafe self.pages = unsafe pages
    unsafe consumer = UnsafePointer(pages.assumingMemoryBound(to: Atomic<UInt>.self))
    unsafe producer = UnsafePointer(
      (pages + pageSize).assumingMemoryBound(to: Atomic<UInt>.self))
    unsafe data = UnsafeRawPointer(pages + 2 * pageSize)
    mask = UInt(size - 1)
    position = unsafe consumer.pointee.load(ordering: .relaxed)
    end = position
  }

  func unmap() {
    unsafe munmap(pages, 2 * pageSize + 2 * size)
    close(descriptor)
  }

  /// The next record, or nil at the end or before one that is still being written.
  @inlinable mutating func next() -> UnsafeRawBufferPointer? {
    while position < end {
      let header = unsafe data + Int(position & mask)
      // Pairs with the kernel's xchg in bpf_ringbuf_commit(): the data is there once BUSY is gone.
      let length = unsafe header.assumingMemoryBound(to: Atomic<UInt32>.self).pointee
        .load(ordering: .acquiring)
      if length & Self.busy != 0 { return nil }
      let bytes = Int(length & ~Self.discarded)
      if length & Self.discarded == 0 {
        return unsafe UnsafeRawBufferPointer(start: header + 8, count: bytes)
      }
      position &+= Self.space(bytes)
    }
    return nil
  }

  @inlinable mutating func skip(_ record: UnsafeRawBufferPointer) {
    position &+= Self.space(record.count)
  }

  /// Gives what was delivered back to the producer.
  @inlinable func release() {
    unsafe consumer.pointee.store(position, ordering: .releasing)
  }

  @inlinable static var busy: UInt32 { 1 << 31 }
  @inlinable static var discarded: UInt32 { 1 << 30 }

  /// What a record of that length takes in the ring.
  @inlinable static func space(_ bytes: Int) -> UInt { UInt((bytes + 8 + 7) & ~7) }
}
