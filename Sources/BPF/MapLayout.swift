import CLibbpf

/// What the kernel says of a map (`struct bpf_map_info`): what it copies for one key follows from it.
struct MapLayout {
  /// What stands under one key, as the kernel copies it: `bpf_map_value_size()`,
  /// kernel/bpf/syscall.c.
  enum Values {
    case single
    /// One for each possible CPU, each padded to eight bytes.
    case perCPU
    /// The map has no keys, or is of a type that wasn't known when this was written.
    case none
  }

  let type: UInt32
  let keySize: Int
  let valueSize: Int
  let maxEntries: Int
  private let flags: UInt32

  /// - Throws: where the kernel refuses to say.
  init(descriptor: Int32, name: String) throws(BPFError) {
    var info = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    let code = unsafe bpf_obj_get_info_by_fd(descriptor, &info, &size)
    guard code == 0 else { throw BPFError("query map \(name)", code: code) }
    type = info.type
    keySize = Int(info.key_size)
    valueSize = Int(info.value_size)
    maxEntries = Int(info.max_entries)
    flags = info.map_flags
  }

  /// As the kernel's headers name it, such as "percpu_array".
  var typeName: String {
    guard let name = unsafe libbpf_bpf_map_type_str(bpf_map_type(type)) else {
      return "map of type \(type)"
    }
    return unsafe String(cString: name)
  }

  var values: Values {
    switch bpf_map_type(type) {
    case BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_PERCPU_HASH,
      BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
      .perCPU
    case BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LPM_TRIE,
      BPF_MAP_TYPE_STACK_TRACE, BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS,
      BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_CGROUP_ARRAY,
      BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_CPUMAP, BPF_MAP_TYPE_XSKMAP,
      BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY,
      BPF_MAP_TYPE_CGROUP_STORAGE, BPF_MAP_TYPE_SK_STORAGE, BPF_MAP_TYPE_INODE_STORAGE,
      BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_STRUCT_OPS:
      .single
    default:
      .none
    }
  }

  /// What a value takes where several stand in a row.
  var paddedValueSize: Int { (valueSize + 7) & ~7 }

  var isMappable: Bool {
    bpf_map_type(type) == BPF_MAP_TYPE_ARRAY && flags & UInt32(BPF_F_MMAPABLE) != 0
  }

  var holdsMaps: Bool {
    [BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS].contains(bpf_map_type(type))
  }

  var isRing: Bool { bpf_map_type(type) == BPF_MAP_TYPE_RINGBUF }
}
