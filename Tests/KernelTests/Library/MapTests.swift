import BPF
import Glibc
import Testing

/// Each kind of map, used rightly and wrongly. Wrongly is an error: the kernel copies as many bytes as
/// the map's kind and sizes say, whatever room was made for them.
@Suite(.serialized)
struct MapTests {
  /// 16 bytes in C; to Swift 12, and 16 from one to the next.
  private struct Padded: BitwiseCopyable {
    var first: UInt64 = 0
    var second: UInt32 = 0
  }

  static func loaded() throws -> Object {
    let file = try OpenObject(BPFObjects.kinds)
    try file.set(".rodata.pid", to: UInt64(getpid()))
    return try file.load()
  }

  private static func rename() {
    let name = unsafe open("/proc/thread-self/comm", O_WRONLY)
    unsafe write(name, "renamed", 7)
    close(name)
  }

  @Test(arguments: ["percpu_hash", "lru_percpu_hash"])
  func aPerCPUMapHoldsAValueForEachCPU(_ name: String) throws {
    let map = try Self.loaded().map(name)
    let none: [UInt64]? = try map.perCPUValues(UInt32(7))
    #expect(none == nil)
    let cpus = try #require(
      try Self.loaded().map("percpu_array").perCPUValues(UInt32(0), as: UInt32.self)
    )
    .count
    let values = (0..<cpus).map { UInt64($0) &* 3 &+ 1 }
    try map.setPerCPU(UInt32(7), to: values)
    #expect(try map.perCPUValues(UInt32(7)) == values)
    var keys: [UInt32] = []
    try map.forEachKey { keys.append($0) }
    #expect(keys == [7])
    for wrong in [[], [1], values + values] where wrong.count != cpus {
      #expect(throws: BPFError.self) { try map.setPerCPU(UInt32(7), to: wrong as [UInt64]) }
    }
  }

  @Test func aPerCPUValueMayBeSmallerThanItsPlace() throws {
    let map = try Self.loaded().map("percpu_array")
    let zeros: [UInt32] = try #require(try map.perCPUValues(UInt32(1)))
    #expect(zeros.allSatisfy { $0 == 0 })
    let values = zeros.indices.map { UInt32($0) + 0x0a0b_0c0d }
    try map.setPerCPU(UInt32(1), to: values)
    #expect(try map.perCPUValues(UInt32(1)) == values)
  }

  @Test(arguments: ["percpu_array", "percpu_hash", "lru_percpu_hash"])
  func aPerCPUMapHasNoSingleValue(_ name: String) throws {
    let map = try Self.loaded().map(name)
    func refuses<Value: BitwiseCopyable>(_ value: Value) {
      let errors = [
        #expect(throws: BPFError.self) { _ = try map.value(UInt32(0), as: Value.self) },
        #expect(throws: BPFError.self) { try map.set(UInt32(0), to: value) },
        #expect(throws: BPFError.self) { try map.set([UInt32(0)], to: [value]) },
      ]
      for error in errors {
        #expect(
          error?.cause?.contains(name) == true && error?.cause?.contains("perCPUValues") == true)
      }
    }
    refuses(UInt32(1))
    refuses(UInt64(1))
    var keys = 0
    try map.forEachKey(as: UInt32.self) { _ in keys += 1 }
    #expect(keys == (name == "percpu_array" ? 2 : 0))
  }

  @Test(arguments: [
    "hash", "lru_hash", "array", "array_of_maps", "stack_trace", "queue", "ringbuf",
  ])
  func otherMapsHaveNoValueForEachCPU(_ name: String) throws {
    let map = try Self.loaded().map(name)
    func refuses<Value: BitwiseCopyable>(_ value: Value) {
      #expect(throws: BPFError.self) { _ = try map.perCPUValues(UInt32(0), as: Value.self) }
      #expect(throws: BPFError.self) { try map.setPerCPU(UInt32(0), to: [value, value]) }
    }
    refuses(UInt32(1))
    refuses(UInt64(1))
    refuses(InlineArray<8, UInt64>(repeating: 1))
  }

  @Test(arguments: ["queue", "ringbuf"]) func someMapsHaveNoKeys(_ name: String) throws {
    let map = try Self.loaded().map(name)
    func refuses<Key: BitwiseCopyable>(_ key: Key) {
      let errors = [
        #expect(throws: BPFError.self) { _ = try map.value(key, as: UInt64.self) },
        #expect(throws: BPFError.self) { try map.set(key, to: UInt64(1)) },
        #expect(throws: BPFError.self) { try map.set([key], to: [UInt64(1)]) },
        #expect(throws: BPFError.self) { try map.forEachKey(as: Key.self) { _ in } },
      ]
      for error in errors { #expect(error?.cause?.contains("no key") == true) }
    }
    refuses(())
    refuses(UInt32(0))
  }

  @Test func wrongSizesAreNamed() throws {
    let map = try Self.loaded().map("hash")
    func refuses<Key: BitwiseCopyable, Value: BitwiseCopyable>(
      _ key: Key, _ value: Value, _ reason: String
    ) {
      let errors = [
        #expect(throws: BPFError.self) { _ = try map.value(key, as: Value.self) },
        #expect(throws: BPFError.self) { try map.set(key, to: value) },
        #expect(throws: BPFError.self) { try map.set([key], to: [value]) },
      ]
      for error in errors { #expect(error?.cause == reason) }
    }
    refuses(UInt32(0), UInt32(0), "its values have 8 bytes, UInt32 has 4")
    refuses(UInt32(0), (), "its values have 8 bytes, () has 0")
    refuses(UInt32(0), Padded(), "its values have 8 bytes, Padded has 12")
    refuses(UInt64(0), UInt64(0), "its keys have 4 bytes, UInt64 has 8")
    refuses(UInt16(0), UInt64(0), "its keys have 4 bytes, UInt16 has 2")
    refuses((), UInt64(0), "its keys have 4 bytes, () has 0")
    #expect(throws: BPFError.self) { try map.forEachKey(as: UInt16.self) { _ in } }
    #expect(throws: BPFError.self) { try map.set([UInt32(0), 1], to: [UInt64(0)]) }
    let perCPU = try Self.loaded().map("percpu_hash")
    #expect(throws: BPFError.self) { try perCPU.perCPUValues(UInt32(0), as: UInt32.self) }
    #expect(throws: BPFError.self) { try perCPU.perCPUValues(UInt64(0), as: UInt64.self) }
    #expect(throws: BPFError.self) { try perCPU.setPerCPU(UInt32(0), to: [UInt32(0)]) }
  }

  @Test func manyEntriesAtOnce() throws {
    for name in ["hash", "lru_hash"] {
      let map = try Self.loaded().map(name)
      try map.set([UInt32](), to: [UInt64]())
      try map.set((0..<10).map { UInt32($0) }, to: (0..<10).map { UInt64($0) * 5 })
      #expect(try map.value(UInt32(9)) == UInt64(45))
    }
  }

  @Test func mapsOfMapsAndStacks() throws {
    let object = try Self.loaded()
    let maps = try object.map("array_of_maps")
    #expect(try maps.value(UInt32(1), as: UInt32.self) ?? 0 > 0)
    #expect(try maps.value(UInt32(0), as: UInt32.self) == nil)
    let stacks = try object.map("stack_trace")
    let none = try stacks.value(UInt32(3), as: InlineArray<8, UInt64>.self)
    #expect(none == nil)
    #expect(throws: BPFError.self) { try stacks.value(UInt32(3), as: InlineArray<7, UInt64>.self) }
  }

  /// libbpf freezes `.rodata`, so that it can't be mapped to be written.
  @Test func constantsAreReadInPlace() throws {
    let constants = try MappedValues(Self.loaded().map(".rodata.pid"), as: UInt64.self)
    #expect(constants[0] == UInt64(getpid()) && constants.count == 1)
  }

  @Test func smallValuesAreReadInPlace() throws {
    let array = try Self.loaded().map("array")
    let values = try MappedValues(array, as: UInt32.self)
    try array.set(UInt32(2), to: UInt32(0x0102_0304))
    #expect(values.count == 3 && values[0] == 0 && values[2] == 0x0102_0304)
    #expect(throws: BPFError.self) { _ = try MappedValues(array, as: UInt64.self) }
  }

  @Test(arguments: ["hash", "percpu_array", "array_of_maps", "queue", "ringbuf", "stack_trace"])
  func onlyArraysAreReadInPlace(_ name: String) throws {
    let map = try Self.loaded().map(name)
    #expect(throws: BPFError.self) { _ = try MappedValues(map, as: UInt64.self) }
    #expect(throws: BPFError.self) { _ = try MappedValues(map, as: UInt32.self) }
    #expect(throws: BPFError.self) { _ = try MappedValues(map, as: Void.self) }
  }

  @Test func aProgramsOwnRingIsRead() throws {
    let object = try Self.loaded()
    var ring = try RingBuffer(object.map("ringbuf"))
    let link = try object.program("renamed").attach()
    var times = 0
    // Several times around the ring.
    for _ in 0..<10 {
      for _ in 0..<100 { Self.rename() }
      let delivered = ring.drain { record in
        let id = unsafe record.unsafeLoad(as: UInt64.self)
        #expect(record.byteCount == 8 && id >> 32 == UInt64(getpid()))
        times += 1
      }
      #expect(delivered == 100)
    }
    #expect(times == 1000)
    link.detach()
    #expect(ring.drain { _ in } == 0)
  }

  @Test func otherMapsAreNoRings() throws {
    let object = try Self.loaded()
    for name in ["hash", "array", "percpu_array", "array_of_maps", "queue"] {
      let map = try object.map(name)
      let error = #expect(throws: BPFError.self) { _ = try RingBuffer(map) }
      #expect(error?.cause?.contains("not a ringbuf") == true)
    }
    for name in ["hash", "array", "ringbuf"] {
      var rings = RingBuffers(try object.map(name))
      #expect(throws: BPFError.self) { try rings.add(cpus: [0], size: 4096) }
      #expect(rings.cpus == [])
    }
    var rings = RingBuffers(try object.map("array_of_maps"))
    for size in [Int.min, -1, 0, 1, 4095, 3 * 4096, .max] {
      #expect(throws: BPFError.self) { try rings.add(cpus: [0], size: size) }
    }
    #expect(throws: BPFError.self) { try rings.add(cpus: [-1], size: 4096) }
  }

  @Test func recordsOfAnIteratorHaveTheirSize() throws {
    let tasks = try Self.loaded().program("tasks")
    var own = 0
    try TaskIterator(tasks, recordSize: 8).forEach { record in
      if unsafe record.unsafeLoad(as: UInt64.self) >> 32 == UInt64(getpid()) { own += 1 }
    }
    #expect(own >= 1)
    let wrong = try TaskIterator(tasks, recordSize: 1 << 16)
    #expect(throws: BPFError.self) { try wrong.forEach { _ in } }
    for size in [Int.min, -1, 0, 1 << 16 + 1, .max] {
      #expect(throws: BPFError.self) { _ = try TaskIterator(tasks, recordSize: size) }
    }
  }

  @Test func initialValuesHaveTheirSize() throws {
    let file = try OpenObject(BPFObjects.kinds)
    let error = #expect(throws: BPFError.self) { try file.set(".rodata.pid", to: UInt32(1)) }
    #expect(error?.cause == "it has 8 bytes, UInt32 has 4")
    #expect(throws: BPFError.self) { try file.set("hash", to: UInt64(1)) }
    for count in [Int.min, -1, .max] {
      #expect(throws: BPFError.self) { try file.setMaxEntries("hash", count) }
    }
  }
}
