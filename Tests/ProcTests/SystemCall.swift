import Glibc
import Testing

/// Calls that the C library has but Swift's Glibc module leaves out, found by name.
enum SystemCall {
  /// The id of the calling thread (man gettid(2)).
  static func gettid() throws -> Int32 {
    typealias Function = @convention(c) () -> CInt
    return unsafe unsafeBitCast(try #require(unsafe dlsym(nil, "gettid")), to: Function.self)()
  }

  /// The load averages in 1/65536 and the number of tasks (man sysinfo(2)).
  static func sysinfo() throws -> (loads: [Double], tasks: Int) {
    typealias Function = @convention(c) (UnsafeMutablePointer<UInt64>) -> CInt
    let function = unsafe unsafeBitCast(
      try #require(unsafe dlsym(nil, "sysinfo")), to: Function.self)
    // struct sysinfo takes 112 bytes: the uptime, three loads, six sizes of memory, 16 bits of tasks.
    var words = [UInt64](repeating: 0, count: 14)
    try #require(unsafe function(&words) == 0)
    return (words[1...3].map { Double($0) / 65536 }, Int(words[10] & 0xffff))
  }

  /// What the kernel puts into a file handle of a directory in cgroup2: its id
  /// (man name_to_handle_at(2), FILEID_KERNFS in include/linux/exportfs.h).
  static func kernfsID(of directory: String) throws -> UInt64 {
    typealias Function =
      @convention(c) (
        CInt, UnsafePointer<CChar>, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<CInt>, CInt
      ) -> CInt
    let function = unsafe unsafeBitCast(
      try #require(unsafe dlsym(nil, "name_to_handle_at")), to: Function.self)
    // struct file_handle: the size of the handle, its type, then room for 128 bytes of it.
    var handle = [UInt32](repeating: 0, count: 34)
    handle[0] = 128
    var mount: CInt = 0
    try #require(unsafe function(AT_FDCWD, directory, &handle, &mount, 0) == 0)
    try #require(handle[0] == 8 && handle[1] == 0xfe)
    return UInt64(handle[2]) | UInt64(handle[3]) << 32
  }
}
