import Glibc
import CLibbpf
import FoundationEssentials

/// A BPF object that was read but is not in the kernel yet: the stage at which it can be configured.
///
///     var object = try OpenObject(BPFObjects.sched)
///     try object.set("rodata.config", to: config)
///     let loaded = try object.load()
///
/// What may only be done before loading doesn't compile after.
public struct OpenObject: ~Copyable {
  private let handle: ObjectHandle

  /// Reads the ELF file and its BTF.
  /// - Throws: where the file is damaged, or the kernel's BTF can't be read.
  public init(_ embedded: EmbeddedObject) throws(BPFError) {
    let bytes = embedded.bytes
    var options = unsafe bpf_object_open_opts()
    unsafe options.sz = MemoryLayout<bpf_object_open_opts>.size
    let (pointer, code, log) = unsafe Log.collect {
      unsafe embedded.name.withCString { name in
        unsafe options.object_name = unsafe name
        return unsafe bytes.withUnsafeBytes { buffer in
          unsafe bpf_object__open_mem(buffer.baseAddress, buffer.count, &options)
        }
      }
    }
    guard let pointer = unsafe pointer else {
      throw BPFError("open \(embedded.name)", code: code, log: log)
    }
    unsafe handle = ObjectHandle(pointer, name: embedded.name)
  }

  /// Sets the whole initial value of a global section, such as `.rodata.config`.
  ///
  /// - Parameter section: the section's name as in `SEC()`.
  /// - Throws: where the section isn't there or isn't as large as `Value`.
  public func set<Value: BitwiseCopyable>(
    _ section: String, to value: Value
  ) throws(BPFError) {
    let map = unsafe try handle.map(section)
    let size = unsafe Int(bpf_map__value_size(map))
    guard MemoryLayout<Value>.size == size else {
      throw BPFError(
        .failed, "set \(section)",
        cause: "it has \(size) bytes, \(Value.self) has \(MemoryLayout<Value>.size)")
    }
    let code = unsafe withUnsafeBytes(of: value) { bytes in
      unsafe bpf_map__set_initial_value(map, bytes.baseAddress, bytes.count)
    }
    guard code == 0 else { throw BPFError("set \(section)", code: code) }
  }

  /// Sets how many entries a map will have.
  /// - Throws: where there is no such map, or it can't have so many.
  public func setMaxEntries(_ name: String, _ count: Int) throws(BPFError) {
    let map = unsafe try handle.map(name)
    guard let count = UInt32(exactly: count) else {
      throw BPFError(
        .failed, "size map \(name)", cause: "\(count) is not a valid number of entries")
    }
    let code = unsafe bpf_map__set_max_entries(map, count)
    guard code == 0 else { throw BPFError("size map \(name)", code: code) }
  }

  /// Chooses whether a program is loaded; all are unless said otherwise.
  public func setLoads(_ program: String, _ loads: Bool) throws(BPFError) {
    let pointer = unsafe try handle.program(program)
    let code = unsafe bpf_program__set_autoload(pointer, loads)
    guard code == 0 else { throw BPFError("select program \(program)", code: code) }
  }

  /// Chooses these and no other programs.
  public func setLoads(only programs: [String]) throws(BPFError) {
    var program = unsafe bpf_object__next_program(handle.pointer, nil)
    while let next = unsafe program {
      unsafe _ = bpf_program__set_autoload(next, false)
      unsafe program = unsafe bpf_object__next_program(handle.pointer, next)
    }
    for program in programs { try setLoads(program, true) }
  }

  /// Creates the maps and loads the chosen programs.
  /// - Throws: where the kernel refuses; for a program, with the verifier's last words as `cause` and
  ///   that program's verifier log in `log`.
  public consuming func load() throws(BPFError) -> Object {
    try Limit.ensure(descriptors: handle.descriptorsToLoad, to: "load \(handle.name)")
    let (code, _, log) = Log.collect { unsafe bpf_object__load(handle.pointer) }
    guard code == 0 else { throw BPFError("load \(handle.name)", code: code, log: log) }
    return Object(handle)
  }
}

/// A BPF object in the kernel. Its maps and programs live as long as it, or one of them, is held.
public struct Object: ~Copyable {
  private let handle: ObjectHandle

  init(_ handle: ObjectHandle) {
    self.handle = handle
  }

  /// - Throws: where the object has no program of that name.
  public func program(_ name: String) throws(BPFError) -> Program {
    unsafe Program(try handle.program(name), name: name, of: handle)
  }

  /// The map of that name; for a global section, the section's name as in `SEC()`.
  /// - Throws: where there is none.
  public func map(_ name: String) throws(BPFError) -> Map {
    try Map(unsafe bpf_map__fd(try handle.map(name)), name: name, of: handle)
  }
}

/// Owns a `bpf_object`. Shared by what was taken out of it, since libbpf's handles point into it.
@safe final class ObjectHandle {
  let pointer: OpaquePointer
  let name: String

  init(_ pointer: OpaquePointer, name: String) {
    unsafe self.pointer = pointer
    self.name = name
  }

  deinit {
    unsafe bpf_object__close(pointer)
  }

  /// One for each map and program, and some that are only open meanwhile: BTF, a template of an inner
  /// map, what features are tried with.
  var descriptorsToLoad: Int {
    var count = 8
    var map = unsafe bpf_object__next_map(pointer, nil)
    while unsafe map != nil {
      count += 1
      unsafe map = unsafe bpf_object__next_map(pointer, map)
    }
    var program = unsafe bpf_object__next_program(pointer, nil)
    while let loaded = unsafe program {
      if unsafe bpf_program__autoload(loaded) { count += 1 }
      unsafe program = unsafe bpf_object__next_program(pointer, loaded)
    }
    return count
  }

  func map(_ name: String) throws(BPFError) -> OpaquePointer {
    guard let map = unsafe bpf_object__find_map_by_name(pointer, name) else {
      throw BPFError(.failed, "find map \(name)", cause: "\(self.name) has no such map")
    }
    return unsafe map
  }

  func program(_ name: String) throws(BPFError) -> OpaquePointer {
    guard let program = unsafe bpf_object__find_program_by_name(pointer, name) else {
      throw BPFError(.failed, "find program \(name)", cause: "\(self.name) has no such program")
    }
    return unsafe program
  }
}
