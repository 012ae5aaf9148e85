import CLibbpf
import Glibc
public import Synchronization
public import SystemPackage

/// One ring buffer per CPU, read in this process's memory.
///
/// The kernel side finds its ring in a `BPF_MAP_TYPE_ARRAY_OF_MAPS` under the number of its CPU: a
/// ring buffer has one spinlock, and with a ring each no CPU waits for another
/// (`kernel/bpf/ringbuf.c`). Nothing is copied: a record is lent to the closure where it lies. For one
/// ring that all CPUs share there is ``RingBuffer``.
public struct RingBuffers: ~Copyable {
  @usableFromInline var rings: [Ring] = []
  /// The rings that have a record to deliver, as a binary heap: the earliest on top.
  @usableFromInline var heap: [Head] = []
  private let outer: Map

  /// The earliest record of a ring that has not been delivered.
  @usableFromInline struct Head {
    @usableFromInline var time: UInt64
    @usableFromInline let ring: Int

    @inlinable init(time: UInt64, ring: Int) {
      self.time = time
      self.ring = ring
    }
  }

  /// Creates no ring yet.
  /// - Parameter outer: the array of maps in which the kernel side looks up its ring.
  public init(_ outer: Map) {
    self.outer = outer
  }

  /// The CPUs that have a ring.
  public var cpus: [Int] { rings.map { $0.cpu } }

  /// Gives each of these CPUs a ring.
  ///
  /// All at once, since the kernel waits for an RCU grace period after a change to a map of maps
  /// (`maybe_wait_bpf_programs()`, kernel/bpf/syscall.c): under load that can take seconds.
  ///
  /// - Parameter size: bytes; a power of two and a multiple of the page size. Mapped twice, so that
  ///   a record never wraps.
  /// - Throws: where the map holds no maps or has no place for a CPU, the size isn't one, or the
  ///   kernel refuses.
  public mutating func add(cpus: [Int], size: Int) throws(BPFError) {
    guard outer.layout.holdsMaps else {
      throw BPFError(
        .failed, "add rings to \(outer.name)",
        cause: "it is a \(outer.layout.typeName), not an array_of_maps")
    }
    var new: [Ring] = []
    do throws(BPFError) {
      for cpu in cpus { new.append(try Self.create(cpu: cpu, size: size)) }
      try outer.set(
        cpus.map { UInt32(truncatingIfNeeded: $0) }, to: new.map { UInt32($0.descriptor) })
    } catch {
      for ring in new { ring.unmap() }
      throw error
    }
    rings += new
  }

  /// Gives those of the CPUs a ring that have none: CPUs come and go.
  ///
  /// Where the kernel refuses one, its CPU stays without: what a program can't write there, the kernel
  /// side is to count as lost.
  ///
  /// - Returns: the new rings' descriptors.
  public mutating func add(missingOf cpus: [Int], size: Int) -> [FileDescriptor] {
    let before = rings.count
    for cpu in cpus where !self.cpus.contains(cpu) { try? add(cpus: [cpu], size: size) }
    return Array(descriptors[before...])
  }

  private static func create(cpu: Int, size: Int) throws(BPFError) -> Ring {
    guard cpu >= 0, size > 0, size <= 1 << 31 else {
      throw BPFError(
        .failed, "create a ring of \(size) bytes for CPU \(cpu)", errno: .invalidArgument)
    }
    let descriptor = unsafe bpf_map_create(
      BPF_MAP_TYPE_RINGBUF, "sonde_ring", 0, 0, UInt32(size), nil)
    guard descriptor >= 0 else {
      let error = BPFError("create a ring of \(size) bytes for CPU \(cpu)", code: descriptor)
      throw error.kind == .notPermitted ? beyondLockedMemory(error) : error
    }
    do throws(BPFError) {
      return try Ring(cpu: cpu, descriptor: descriptor, size: size)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Maps counted as locked memory until Linux 5.11 (commit 80ee81e0403c, "bpf: Eliminate
  /// rlimit-based memory accounting infra for bpf maps"): EPERM then means that limit.
  private static func beyondLockedMemory(_ error: BPFError) -> BPFError {
    BPFError(
      .notPermitted, error.operation, errno: error.errno,
      remedy: "\(BPFError.rights); before Linux 5.11 also CAP_SYS_RESOURCE, or raise the limit on "
        + "locked memory (ulimit -l unlimited)")
  }

  /// The ring of each CPU, in the order of ``cpus``: readable once its program asked for a wakeup.
  public var descriptors: [FileDescriptor] {
    rings.map { FileDescriptor(rawValue: $0.descriptor) }
  }

  /// Delivers every record that is there now, one ring after the other, each ring in its order.
  ///
  /// - Parameter body: gets the record, which is only lent, and the CPU that wrote it.
  /// - Returns: how many were delivered.
  @inlinable @discardableResult
  public mutating func drain(_ body: (RawSpan, Int) -> Void) -> Int {
    var delivered = 0
    for index in rings.indices {
      rings[index].end = unsafe rings[index].producer.pointee.load(ordering: .acquiring)
      while let record = unsafe rings[index].next() {
        unsafe body(record.bytes, rings[index].cpu)
        unsafe rings[index].skip(record)
        delivered += 1
      }
      rings[index].release()
    }
    return delivered
  }

  /// Delivers the records up to `horizon` in the order of their times, across all rings.
  ///
  /// For records that begin with their time as a `UInt64`. What is later stays in its ring. To see
  /// all that happened up to a time, let the horizon lag behind the present by as long as a program
  /// may take from reading its clock to submitting the record.
  ///
  /// - Parameter body: gets the record, which is only lent, and the CPU that wrote it.
  /// - Returns: how many were delivered.
  @inlinable @discardableResult
  public mutating func drain(upTo horizon: UInt64, _ body: (RawSpan, Int) -> Void) -> Int {
    var delivered = 0
    heap.removeAll(keepingCapacity: true)
    for index in rings.indices {
      rings[index].end = unsafe rings[index].producer.pointee.load(ordering: .acquiring)
      if let record = unsafe rings[index].next() {
        let time = unsafe record.load(as: UInt64.self)
        if time <= horizon { push(Head(time: time, ring: index)) }
      }
    }
    while let top = heap.first {
      let index = top.ring
      // As long as this ring has the earliest record, the heap stays as it is.
      let limit = min(earliestBelowTop(), horizon)
      while true {
        guard let record = unsafe rings[index].next() else {
          popTop()
          break
        }
        let time = unsafe record.load(as: UInt64.self)
        guard time <= limit else {
          if time <= horizon {
            heap[0].time = time
            sinkTop()
          } else {
            popTop()
          }
          break
        }
        unsafe body(record.bytes, rings[index].cpu)
        unsafe rings[index].skip(record)
        delivered += 1
      }
    }
    for index in rings.indices {
      rings[index].release()
    }
    return delivered
  }

  deinit {
    for ring in rings {
      ring.unmap()
    }
  }
}

// MARK: - The heap

extension RingBuffers {
  @inlinable func earliestBelowTop() -> UInt64 {
    switch heap.count {
    case 1: .max
    case 2: heap[1].time
    default: min(heap[1].time, heap[2].time)
    }
  }

  @inlinable mutating func push(_ head: Head) {
    heap.append(head)
    var child = heap.count - 1
    while child > 0, heap[(child - 1) / 2].time > heap[child].time {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  @inlinable mutating func popTop() {
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sinkTop()
    }
  }

  @inlinable mutating func sinkTop() {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, heap[child + 1].time < heap[child].time { child += 1 }
      guard heap[child].time < heap[parent].time else { return }
      heap.swapAt(parent, child)
      parent = child
    }
  }
}
