import Glibc
public import SystemPackage
public import Synchronization

/// A program's own ring buffer (`BPF_MAP_TYPE_RINGBUF`), which all CPUs write to, read in this
/// process's memory.
///
/// Records come in the order in which the CPUs reserved them. Nothing is copied: a record is lent to
/// the closure where it lies. The ring has one place up to which it was read: read it through one
/// `RingBuffer`. Where many CPUs write often, ``RingBuffers`` don't let them wait for each other.
public struct RingBuffer: ~Copyable {
  @usableFromInline var ring: Ring

  /// - Throws: where the map is no ring buffer, or can't be mapped.
  public init(_ map: Map) throws(BPFError) {
    guard map.layout.isRing else {
      throw BPFError(
        .failed, "read ring buffer \(map.name)",
        cause: "it is a \(map.layout.typeName), not a ringbuf")
    }
    let descriptor = fcntl(map.descriptor, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { throw BPFError("read ring buffer \(map.name)", code: errno) }
    do throws(BPFError) {
      ring = try Ring(descriptor: descriptor, size: map.maxEntries)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// The ring, to wait for: readable while it holds a record that was submitted with a wakeup.
  public var descriptor: FileDescriptor { FileDescriptor(rawValue: ring.descriptor) }

  /// Delivers every record that is there now.
  ///
  /// - Parameter body: gets the record, which is only lent.
  /// - Returns: how many were delivered.
  @inlinable @discardableResult
  public mutating func drain(_ body: (RawSpan) -> Void) -> Int {
    var delivered = 0
    ring.end = unsafe ring.producer.pointee.load(ordering: .acquiring)
    while let record = unsafe ring.next() {
      unsafe body(record.bytes)
      unsafe ring.skip(record)
      delivered += 1
    }
    ring.release()
    return delivered
  }

  deinit {
    ring.unmap()
  }
}
