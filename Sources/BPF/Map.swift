import CLibbpf
import Glibc

/// A BPF map in the kernel.
///
/// Keys and values are given as Swift types of the very size that the map has: C structs imported
/// from the header that the program was compiled with.
@safe public struct Map {
  let pointer: OpaquePointer
  public let name: String
  private let owner: ObjectHandle

  init(_ pointer: OpaquePointer, name: String, of owner: ObjectHandle) {
    unsafe self.pointer = pointer
    self.name = name
    self.owner = owner
  }

  var descriptor: Int32 { unsafe bpf_map__fd(pointer) }

  /// How many entries the map can hold.
  public var maxEntries: Int { unsafe Int(bpf_map__max_entries(pointer)) }

  /// The value under `key`, or nil.
  /// - Throws: where the types don't have the map's sizes, or the kernel refuses.
  public func value<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, as: Value.Type = Value.self
  ) throws(BPFError) -> Value? {
    try check(key: Key.self, valueSize: MemoryLayout<Value>.stride)
    let values: [Value]? = try lookUp(key, count: 1)
    return values?.first
  }

  /// The values of all possible CPUs under `key` in a per-CPU map, or nil.
  public func perCPUValues<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, as: Value.Type = Value.self
  ) throws(BPFError) -> [Value]? {
    // The kernel rounds each CPU's value up to eight bytes: bpf_percpu_array_copy().
    let size = MemoryLayout<Value>.stride
    precondition(size % 8 == 0, "a per-CPU value's size must be a multiple of 8")
    try check(key: Key.self, valueSize: size)
    return try lookUp(key, count: Int(libbpf_num_possible_cpus()))
  }

  /// Stores `value` under `key`.
  public func set<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, to value: Value
  ) throws(BPFError) {
    try check(key: Key.self, valueSize: MemoryLayout<Value>.stride)
    let code = unsafe withUnsafePointer(to: key) { key in
      unsafe withUnsafePointer(to: value) { value in
        unsafe bpf_map_update_elem(descriptor, key, value, UInt64(BPF_ANY))
      }
    }
    guard code == 0 else { throw BPFError("write to map \(name)", code: code) }
  }

  /// Stores values under their keys: in one call where this kernel can, one after the other where
  /// it can't (`bpf_map_update_batch`, for maps of maps since Linux 5.14).
  public func set<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ keys: [Key], to values: [Value]
  ) throws(BPFError) {
    precondition(keys.count == values.count)
    try check(key: Key.self, valueSize: MemoryLayout<Value>.stride)
    var count = UInt32(keys.count)
    var options = bpf_map_batch_opts()
    options.sz = MemoryLayout<bpf_map_batch_opts>.size
    let code = unsafe keys.withUnsafeBytes { keys in
      unsafe values.withUnsafeBytes { values in
        unsafe bpf_map_update_batch(
          descriptor, keys.baseAddress, values.baseAddress, &count, &options)
      }
    }
    if code == 0, count == UInt32(keys.count) { return }
    for (key, value) in zip(keys, values) { try set(key, to: value) }
  }

  /// Calls `body` with each key that the map has, in no order.
  ///
  /// A map that changes meanwhile may show a key twice or not at all (`bpf_map_get_next_key`).
  public func forEachKey<Key: BitwiseCopyable>(
    as: Key.Type = Key.self, _ body: (Key) throws(BPFError) -> Void
  ) throws(BPFError) {
    try check(key: Key.self, valueSize: nil)
    let next = UnsafeMutablePointer<Key>.allocate(capacity: 2)
    defer { unsafe next.deallocate() }
    var code = unsafe bpf_map_get_next_key(descriptor, nil, next)
    while code == 0 {
      try body(unsafe next[0])
      unsafe next[1] = unsafe next[0]
      code = unsafe bpf_map_get_next_key(descriptor, next + 1, next)
    }
    guard code == -ENOENT else { throw BPFError("walk map \(name)", code: code) }
  }

  private func lookUp<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, count: Int
  ) throws(BPFError) -> [Value]? {
    var code: Int32 = 0
    let values = unsafe [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
      code = unsafe withUnsafePointer(to: key) { key in
        unsafe bpf_map_lookup_elem(descriptor, key, buffer.baseAddress)
      }
      initialized = code == 0 ? count : 0
    }
    switch code {
    case 0: return values
    case -ENOENT: return nil
    default: throw BPFError("read map \(name)", code: code)
    }
  }

  private func check<Key>(key: Key.Type, valueSize: Int?) throws(BPFError) {
    let keySize = unsafe Int(bpf_map__key_size(pointer))
    guard keySize == MemoryLayout<Key>.size else {
      throw BPFError(
        .failed, "use map \(name)", cause: "its keys have \(keySize) bytes, \(Key.self) has not")
    }
    let size = unsafe Int(bpf_map__value_size(pointer))
    guard valueSize == nil || valueSize == size else {
      throw BPFError(.failed, "use map \(name)", cause: "its values have \(size) bytes")
    }
  }
}

/// The values of an array map (`BPF_F_MMAPABLE`) or a global section, in this process's memory.
///
/// Reading costs no system call. The kernel changes values meanwhile: a value of several words may
/// be read half old, half new.
@safe public struct MappedValues<Value: BitwiseCopyable>: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let length: Int
  private let owner: Map
  public let count: Int

  /// - Throws: where the map can't be mapped or its values don't have the size of `Value`.
  public init(_ map: Map, as: Value.Type = Value.self) throws(BPFError) {
    let size = unsafe Int(bpf_map__value_size(map.pointer))
    // Array values are padded to eight bytes: array_map_alloc().
    guard size == MemoryLayout<Value>.stride, size % 8 == 0 else {
      throw BPFError(.failed, "map \(map.name)", cause: "its values have \(size) bytes")
    }
    let page = Int(getpagesize())
    let count = map.maxEntries
    let length = (count * size + page - 1) / page * page
    let pages = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, map.descriptor, 0)
    guard let pages = unsafe pages, unsafe pages != MAP_FAILED else {
      throw BPFError("map \(map.name) into memory", code: errno)
    }
    self.count = count
    self.length = length
    unsafe base = unsafe pages
    owner = map
  }

  public subscript(index: Int) -> Value {
    precondition((0..<count).contains(index))
    return unsafe base.load(fromByteOffset: index * MemoryLayout<Value>.stride, as: Value.self)
  }

  deinit {
    unsafe munmap(base, length)
  }
}
