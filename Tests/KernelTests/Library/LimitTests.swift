import BPF
import Foundation
import Glibc
import Testing

/// Under a small limit of the process, the error names that limit.
@Suite(.serialized)
struct LimitTests {
  private static func limited<Result>(
    _ resource: __rlimit_resource, to limit: UInt, _ body: () throws -> Result
  ) rethrows -> Result {
    let resource = __rlimit_resource_t(resource.rawValue)
    var before = rlimit()
    unsafe getrlimit(resource, &before)
    var lower = rlimit(rlim_cur: limit, rlim_max: before.rlim_max)
    unsafe setrlimit(resource, &lower)
    defer { unsafe setrlimit(resource, &before) }
    return try body()
  }

  private static func load() -> BPFError? {
    do throws(BPFError) {
      let file = try OpenObject(BPFObjects.kinds)
      let object = try file.load()
      _ = try RingBuffer(try object.map("ringbuf"))
      _ = try object.program("renamed").attach()
      return nil
    } catch {
      return error
    }
  }

  @Test func fewDescriptors() throws {
    let next = dup(0)
    close(next)
    var refusals = 0
    for limit in UInt(next)..<UInt(next) + 64 {
      guard let error = Self.limited(RLIMIT_NOFILE, to: limit, Self.load) else { break }
      refusals += 1
      #expect("\(error)".contains("limit on open files, now \(limit)"), "\(error)")
      #expect(!"\(error)".contains("libbpf"))
    }
    #expect(refusals > 10 && refusals < 64)
    let kernel = Self.limited(RLIMIT_NOFILE, to: UInt(next)) { KernelFeatures().btf }
    #expect("\(kernel)".contains("limit on open files"), "\(kernel)")
  }

  @Test func littleAddressSpace() throws {
    let sizes = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = try #require(UInt(sizes.prefix { $0 != " " }))
    let limit = (pages * UInt(getpagesize())) + 4 << 20
    let (kernel, error) = Self.limited(RLIMIT_AS, to: limit) {
      // What was freed before is still there to be taken: all but 1 MiB goes. The kernel's BTF has 5.
      var taken: [UnsafeMutableRawPointer] = unsafe []
      unsafe taken.reserveCapacity(1 << 16)
      while unsafe taken.count < 1 << 16, let block = unsafe malloc(16 << 10) {
        unsafe taken.append(block)
      }
      for _ in 0..<64 { unsafe free(taken.removeLast()) }
      defer { while !(unsafe taken.isEmpty) { unsafe free(taken.removeLast()) } }
      return (KernelFeatures().btf, Self.load())
    }
    #expect("\(kernel)".contains("address space, now"), "\(kernel)")
    let text = error?.description ?? "loaded"
    #expect(text.contains("address space, now") && !text.contains("libbpf"), "\(text)")
  }
}
