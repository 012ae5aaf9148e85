import BPF
import Glibc
import SystemPackage
import Testing

/// The BPF library itself: objects, maps, links, errors, features.
@Suite(.serialized)
struct LibraryTests {
  private struct Config: BitwiseCopyable {
    var pid: UInt32
    var weight: UInt32
  }

  private static func opened(weight: UInt32 = 1) throws -> Object {
    let file = try OpenObject(BPFObjects.maps)
    try file.setLoads("nowhere", false)
    try file.set(".rodata.config", to: Config(pid: UInt32(getpid()), weight: weight))
    return try file.load()
  }

  private static func rename(times: Int) throws {
    let name = try FileDescriptor.open(FilePath("/proc/thread-self/comm"), .writeOnly)
    for index in 0..<times { _ = try name.writeAll("name\(index)".utf8) }
    try name.close()
  }

  @Test func configuredProgramsCountPerCPU() throws {
    let object = try Self.opened(weight: 7)
    let perCPU = try object.map("per_cpu")
    let shared = try MappedValues(object.map("shared"), as: UInt64.self)
    let link = try object.program("renamed").attach()
    try Self.rename(times: 100)
    link.detach()
    try Self.rename(times: 50)
    let values: [UInt64] = try #require(try perCPU.perCPUValues(UInt32(1)))
    #expect(values.count >= 1)
    #expect(values.reduce(0, +) == 700)
    #expect(shared[1] == 100 && shared[0] == 0 && shared.count == 3)
    #expect(try object.map("shared").value(UInt32(1)) == UInt64(100))
    let beyond: [UInt64]? = try perCPU.perCPUValues(UInt32(2))
    #expect(beyond == nil)
  }

  @Test func aLinkDetachesAsItGoes() throws {
    let object = try Self.opened()
    let shared = try MappedValues(object.map("shared"), as: UInt64.self)
    do {
      let link = try object.program("renamed").attach()
      try Self.rename(times: 3)
      _ = consume link
    }
    try Self.rename(times: 3)
    #expect(shared[1] == 3)
  }

  @Test func runsAreCountedWhileMeasured() throws {
    let object = try Self.opened()
    let program = try object.program("renamed")
    let link = try program.attach()
    try Self.rename(times: 5)
    let statistics = try RunTimeStatistics()
    try Self.rename(times: 10)
    _ = consume statistics
    try Self.rename(times: 5)
    let counted = try program.statistics()
    #expect(counted.runs >= 10 && counted.runs < 20)
    #expect(counted.runTime > 0)
    link.detach()
  }

  @Test func mapsHoldTypedValues() throws {
    let object = try Self.opened()
    let numbers = try object.map("numbers")
    #expect(numbers.maxEntries == 16)
    for key in UInt32(0)..<10 { try numbers.set(key, to: UInt64(key) * 3) }
    #expect(try numbers.value(UInt32(4)) == UInt64(12))
    let missing: UInt64? = try numbers.value(UInt32(11))
    #expect(missing == nil)
    var keys: Set<UInt32> = []
    try numbers.forEachKey { keys.insert($0) }
    #expect(keys == Set(0..<10))
    try numbers.remove(UInt32(4))
    try numbers.remove(UInt32(4))
    #expect(try numbers.value(UInt32(4)) as UInt64? == nil)
    try numbers.set(UInt32(4), to: UInt64(12))
    for key in UInt32(10)..<16 { try numbers.set(key, to: UInt64(0)) }
    let full = #expect(throws: BPFError.self) { try numbers.set(UInt32(99), to: UInt64(1)) }
    #expect(full?.errno == Errno(rawValue: E2BIG))
    let wrong = #expect(throws: BPFError.self) { try numbers.set(UInt16(1), to: UInt64(1)) }
    #expect("\(try #require(wrong))".contains("numbers"))
  }

  @Test func aRefusedProgramSaysWhyFirst() throws {
    let error = #expect(throws: BPFError.self) {
      _ = try OpenObject(BPFObjects.refused).load()
    }
    let refused = try #require(error)
    #expect(refused.cause?.contains("map_value_or_null") == true)
    #expect(refused.log?.contains("processed ") == true)
    #expect(refused.description.hasPrefix("could not load refused: "))
    #expect(!refused.description.contains("\n"))
  }

  @Test func whatIsNotThereIsNamed() throws {
    let error = #expect(throws: BPFError.self) {
      let file = try OpenObject(BPFObjects.maps)
      _ = try file.load()
    }
    #expect(error?.log?.contains("no_such_tracepoint") == true)
    #expect(error?.cause?.contains("no_such_tracepoint") == true)
    let object = try Self.opened()
    #expect(throws: BPFError.self) { try object.map("nothing") }
    #expect(throws: BPFError.self) { try object.program("nothing") }
  }

  @Test func featuresOfThisKernel() throws {
    let kernel = KernelFeatures()
    #expect(kernel.btf == .yes)
    #expect(kernel.tracepoint("sched_switch") == .yes)
    #expect(kernel.iterator("task") == .yes)
    #expect(kernel.member("run_delay", of: "sched_info") == .yes)
    #expect(kernel.ringBuffers == .yes)
    for missing in [
      kernel.tracepoint("sonde"), kernel.member("sonde", of: "sched_info"),
      kernel.member("x", of: "sonde"), kernel.function("sonde"), kernel.iterator("sonde"),
    ] {
      guard case .no(let reason) = missing else {
        Issue.record("\(missing)")
        continue
      }
      #expect(reason.contains("sonde"))
    }
  }

  /// Linux 5.16 has the lookup, and its function in BTF.
  @Test func symbolsAreLookedUp() throws {
    let function = KernelFeatures().function("bpf_kallsyms_lookup_name")
    #expect(KernelFeatures.symbolLookup == function.isYes)
  }

  @Test func programsThatUserSpaceRuns() throws {
    let isThere = KernelFeatures.symbolLookup
    let file = try OpenObject(BPFObjects.maps)
    try file.setLoads("nowhere", false)
    try file.setLoads("answer", isThere)
    let object = try file.load()
    if isThere { #expect(try object.program("answer").run() == 42) }
    // Nobody but the kernel runs this one.
    let error = #expect(throws: BPFError.self) { try object.program("renamed").run() }
    #expect(error?.description.hasPrefix("could not run renamed: ") == true)
  }

  @Test func damagedObjectsAreRefused() {
    let error = #expect(throws: BPFError.self) {
      _ = try OpenObject(EmbeddedObject(name: "damaged", base64: "f0VMRgIBAQA="))
    }
    #expect(error?.description.contains("damaged") == true)
  }
}
