import Glibc

/// The values of an array map (`BPF_F_MMAPABLE`) or a global section, in this process's memory, to
/// read.
///
/// Reading costs no system call. The kernel changes values meanwhile: a value of several words may
/// be read half old, half new.
@safe public struct MappedValues<Value: BitwiseCopyable>: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let length: Int
  private let stride: Int
  private let owner: Map
  /// How many values the map has.
  public let count: Int

  /// - Throws: where the map isn't a mappable array, its values don't have the size of `Value`, or
  ///   the kernel refuses.
  public init(_ map: Map, as: Value.Type = Value.self) throws(BPFError) {
    guard map.layout.isMappable else {
      throw BPFError(
        .failed, "map \(map.name) into memory",
        cause: "it is not a BPF_F_MMAPABLE array, as a global data section is")
    }
    try map.check(value: Value.self)
    // array_map_alloc() pads values to eight bytes.
    let stride = map.layout.paddedValueSize
    let count = map.maxEntries
    let page = Int(getpagesize())
    let length = (count * stride + page - 1) / page * page
    // Not to write: array_map_mmap() refuses that for a frozen map, which .rodata is.
    let pages = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, map.descriptor, 0)
    guard let pages = unsafe pages, unsafe pages != MAP_FAILED else {
      throw BPFError("map \(map.name) into memory", code: errno)
    }
    self.stride = stride
    self.count = count
    self.length = length
    unsafe base = unsafe pages
    owner = map
  }

  public subscript(index: Int) -> Value {
    precondition((0..<count).contains(index))
    return unsafe base.load(fromByteOffset: index * stride, as: Value.self)
  }

  deinit {
    unsafe munmap(base, length)
  }
}
