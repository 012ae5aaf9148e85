import CLibbpf
import Glibc

/// A BPF map in the kernel.
///
/// Keys and values are given as Swift types of the very size that the map has, for which every bit
/// pattern is a value: C structs imported from the header that the program was compiled with. The
/// kernel compares all bytes of a key, padding too.
///
/// A map whose type or sizes don't fit a call is an error, whatever the type: nothing is read or
/// written then.
public struct Map {
  /// As in the program; for a global section, as in `SEC()`.
  public let name: String
  /// Held by `owner`.
  let descriptor: Int32
  let layout: MapLayout
  private let owner: ObjectHandle

  /// - Throws: where the kernel refuses to describe the map.
  init(_ descriptor: Int32, name: String, of owner: ObjectHandle) throws(BPFError) {
    self.name = name
    self.descriptor = descriptor
    layout = try MapLayout(descriptor: descriptor, name: name)
    self.owner = owner
  }

  /// How many entries the map can hold; of a ring buffer, its bytes.
  public var maxEntries: Int { layout.maxEntries }

  /// The value under `key`, or nil.
  ///
  /// Of a map of maps, the ID of the map under `key` (`UInt32`).
  /// - Throws: where the map is per CPU or has no keys, the types don't have its sizes, or the kernel
  ///   refuses.
  public func value<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, as: Value.Type = Value.self
  ) throws(BPFError) -> Value? {
    try check(.single, key: Key.self)
    try check(value: Value.self)
    let (code, value) = unsafe withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) {
      buffer -> (Int32, Value?) in
      let code = unsafe lookUp(key, into: buffer.baseAddress)
      return (code, code == 0 ? unsafe buffer[0] : nil)
    }
    try check(read: code)
    return value
  }

  /// The values of all possible CPUs under `key` in a per-CPU map, or nil.
  /// - Throws: where the map isn't per CPU, the types don't have its sizes, or the kernel refuses.
  public func perCPUValues<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, as: Value.Type = Value.self
  ) throws(BPFError) -> [Value]? {
    try check(.perCPU, key: Key.self)
    try check(value: Value.self)
    let count = try Self.possibleCPUs()
    let stride = layout.paddedValueSize
    let (code, values) = unsafe withUnsafeTemporaryAllocation(
      byteCount: count * stride, alignment: 8
    ) { buffer -> (Int32, [Value]?) in
      let code = unsafe lookUp(key, into: buffer.baseAddress)
      guard code == 0 else { return (code, nil) }
      return (
        code,
        (0..<count).map { unsafe buffer.loadUnaligned(fromByteOffset: $0 * stride, as: Value.self) }
      )
    }
    try check(read: code)
    return values
  }

  /// Stores `value` under `key`.
  /// - Throws: where the map is per CPU or has no keys, the types don't have its sizes, or the kernel
  ///   refuses.
  public func set<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, to value: Value
  ) throws(BPFError) {
    try check(.single, key: Key.self)
    try check(value: Value.self)
    let code = unsafe withUnsafeBytes(of: value) { unsafe update(key, from: $0.baseAddress) }
    guard code == 0 else { throw BPFError("write to map \(name)", code: code) }
  }

  /// Stores a value for each possible CPU under `key` of a per-CPU map.
  /// - Throws: where the map isn't per CPU, the types don't have its sizes, there aren't as many
  ///   values as possible CPUs, or the kernel refuses.
  public func setPerCPU<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, to values: [Value]
  ) throws(BPFError) {
    try check(.perCPU, key: Key.self)
    try check(value: Value.self)
    let count = try Self.possibleCPUs()
    guard values.count == count else {
      throw BPFError(
        .failed, "write to map \(name)", cause: "\(values.count) values for \(count) possible CPUs")
    }
    let stride = layout.paddedValueSize
    let code = unsafe withUnsafeTemporaryAllocation(byteCount: count * stride, alignment: 8) {
      buffer in
      unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
      for (cpu, value) in values.enumerated() {
        unsafe buffer.storeBytes(of: value, toByteOffset: cpu * stride, as: Value.self)
      }
      return unsafe update(key, from: UnsafeRawPointer(buffer.baseAddress))
    }
    guard code == 0 else { throw BPFError("write to map \(name)", code: code) }
  }

  /// Stores values under their keys: in one call where this kernel can, one after the other where
  /// it can't (`bpf_map_update_batch`, for maps of maps since Linux 5.14).
  /// - Throws: as for one, or where there aren't as many values as keys.
  public func set<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ keys: [Key], to values: [Value]
  ) throws(BPFError) {
    try check(.single, key: Key.self)
    try check(value: Value.self)
    guard keys.count == values.count else {
      throw BPFError(
        .failed, "write to map \(name)", cause: "\(values.count) values for \(keys.count) keys")
    }
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

  /// Removes what is under `key`, if anything is.
  /// - Throws: where the map has no keys, `Key` doesn't have their size, or the kernel refuses.
  public func remove<Key: BitwiseCopyable>(_ key: Key) throws(BPFError) {
    try check(.single, key: Key.self)
    let code = unsafe withUnsafeBytes(of: key) {
      unsafe bpf_map_delete_elem(descriptor, $0.baseAddress)
    }
    guard code == 0 || code == -ENOENT else {
      throw BPFError("remove from map \(name)", code: code)
    }
  }

  /// Calls `body` with each key that the map has, in no order.
  ///
  /// A map that changes meanwhile may show a key twice or not at all (`bpf_map_get_next_key`).
  /// - Throws: where the map has no keys, `Key` doesn't have their size, the kernel refuses, or
  ///   `body` throws.
  public func forEachKey<Key: BitwiseCopyable>(
    as: Key.Type = Key.self, _ body: (Key) throws(BPFError) -> Void
  ) throws(BPFError) {
    try check(layout.values == .perCPU ? .perCPU : .single, key: Key.self)
    let next = UnsafeMutablePointer<Key>.allocate(capacity: 2)
    defer { unsafe next.deallocate() }
    var code = unsafe bpf_map_get_next_key(descriptor, nil, next)
    while code == 0 {
      try body(unsafe next[0])
      unsafe next[1] = unsafe next[0]
      code = unsafe bpf_map_get_next_key(descriptor, next + 1, next)
    }
    guard code == -ENOENT else { throw BPFError("iterate over map \(name)", code: code) }
  }

  private func lookUp<Key: BitwiseCopyable>(
    _ key: Key, into value: UnsafeMutableRawPointer?
  ) -> Int32 {
    unsafe withUnsafeBytes(of: key) {
      unsafe bpf_map_lookup_elem(descriptor, $0.baseAddress, value)
    }
  }

  private func update<Key: BitwiseCopyable>(
    _ key: Key, from value: UnsafeRawPointer?
  ) -> Int32 {
    unsafe withUnsafeBytes(of: key) {
      unsafe bpf_map_update_elem(descriptor, $0.baseAddress, value, UInt64(BPF_ANY))
    }
  }

  private func check(read code: Int32) throws(BPFError) {
    guard code == 0 || code == -ENOENT else { throw BPFError("read map \(name)", code: code) }
  }
}

// MARK: - What fits a map

extension Map {
  /// As many values as the kernel copies for a key of a per-CPU map.
  private static func possibleCPUs() throws(BPFError) -> Int {
    let (count, _, log) = Log.collect { libbpf_num_possible_cpus() }
    guard count > 0 else {
      throw BPFError("count the possible CPUs", code: count, log: log)
    }
    return Int(count)
  }

  private func check<Key>(_ values: MapLayout.Values, key: Key.Type) throws(BPFError) {
    guard layout.values == values else {
      let cause =
        switch layout.values {
        case .perCPU:
          "it is a \(layout.typeName), with a value for each CPU: use perCPUValues or setPerCPU"
        case .single: "it is a \(layout.typeName), with one value for all CPUs"
        case .none: "it is a \(layout.typeName), whose entries have no key"
        }
      throw BPFError(.failed, "use map \(name)", cause: cause)
    }
    try check(Key.self, "keys", layout.keySize)
  }

  func check<Value>(value: Value.Type) throws(BPFError) {
    try check(Value.self, "values", layout.valueSize)
  }

  /// A Swift struct may be smaller than its stride: arrays of it wouldn't be laid out as the kernel's.
  private func check<Type>(_ type: Type.Type, _ what: String, _ size: Int) throws(BPFError) {
    guard MemoryLayout<Type>.size == size, MemoryLayout<Type>.stride == size else {
      throw BPFError(
        .failed, "use map \(name)",
        cause: "its \(what) have \(size) bytes, \(Type.self) has \(MemoryLayout<Type>.size)")
    }
  }
}
