import Foundation
import Glibc
import Support
import Symbols
import Testing

struct UserSymbolsTests {
  static func address(_ name: String) -> UInt64? {
    dlsym(nil, name).map { UInt64(UInt(bitPattern: $0)) }
  }

  /// The dynamic linker's word for where functions of libc are.
  @Test func functionsOfLibc() throws {
    var symbols = UserSymbols(debugDirectory: "/nonexistent")
    for name in [
      "getpid", "fork", "read", "write", "poll", "qsort", "opendir", "strtol", "socket", "mmap",
      "ioctl", "nanosleep", "execve", "fopen", "fclose", "getenv", "setenv", "usleep", "waitpid",
    ] {
      let address = try #require(UserSymbolsTests.address(name))
      let found = symbols.name(of: address, in: getpid()) ?? ""
      // It may have several names.
      #expect(UserSymbolsTests.address(found) == address, "\(name): \(found)")
      #expect(symbols.name(of: address + 1, in: getpid()) == found)
    }
    // String.hasPrefix, whose name begins as labels on ARM do.
    let swift = "$sSS9hasPrefixySbSSF"
    let hasPrefix = try #require(UserSymbolsTests.address(swift))
    #expect(symbols.name(of: hasPrefix, in: getpid()) == swift)
    for name in ["getpid", "fork", "read", "execve"] {
      let address = try #require(UserSymbolsTests.address(name))
      #expect(symbols.name(of: address, in: getpid()) == name)
      let path = symbols.mappingName(at: address, in: getpid()) ?? ""
      #expect(path.contains("/libc"))
    }
  }

  @Test func whatTheKernelCallsMappings() throws {
    var symbols = UserSymbols()
    let pid = getpid()
    let stack = try auxiliary(randomBytes, of: pid)
    #expect(symbols.mappingName(at: stack, in: pid) == "[stack]")
    #expect(symbols.name(of: stack, in: pid) == "[stack]")
    #expect(symbols.name(of: try auxiliary(vdso, of: pid), in: pid) == "[vdso]")
    #expect(symbols.name(of: 0, in: pid) == nil && symbols.mappingName(at: 0, in: pid) == nil)
    #expect(symbols.name(of: .max, in: pid) == nil)
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let entry = try auxiliary(entryPoint, of: pid)
    #expect(symbols.mappingName(at: entry, in: pid) == own)
    #expect(symbols.name(of: entry, in: pid) == "_start")
  }

  @Test func memoryWithoutAFileAndForgetting() throws {
    var symbols = UserSymbols()
    let size = 1 << 16
    #expect(symbols.mappingName(at: 0, in: getpid()) == nil)
    let memory = try #require(
      mmap(nil, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    let address = UInt64(UInt(bitPattern: memory))
    symbols.forget(pid: getpid())
    #expect(symbols.name(of: address, in: getpid()) == "[unknown]")
    #expect(symbols.mappingName(at: address, in: getpid()) == "")
    munmap(memory, size)
    #expect(symbols.name(of: address, in: getpid()) == "[unknown]")
  }

  @Test func aProcessThatIsNotThere() throws {
    var symbols = UserSymbols()
    #expect(symbols.name(of: 0x1000, in: 5_000_000) == nil)
    #expect(symbols.name(of: 0x1000, in: -1) == nil)
    // A kernel thread.
    #expect(symbols.name(of: 0x1000, in: 2) == nil)
    let load = try Load("sleepers", "1")
    let entry = try auxiliary(entryPoint, of: load.pid)
    #expect(symbols.name(of: entry, in: load.pid) == "_start")
    _ = load.stop()
    #expect(symbols.name(of: entry, in: load.pid) == "_start")
    symbols.forget(pid: load.pid)
    #expect(symbols.name(of: entry, in: load.pid) == nil)
    #expect(symbols.mappingName(at: entry, in: load.pid) == nil)
  }

  @Test func aProcessWhoseProgramVanishesBeforeItIsRead() throws {
    var symbols = UserSymbols()
    let load = try Load("sleepers", "1")
    let entry = try auxiliary(entryPoint, of: load.pid)
    #expect(symbols.mappingName(at: entry, in: load.pid) == Binaries.url("testload").path)
    _ = load.stop()
    let name = symbols.name(of: entry, in: load.pid)
    // Its path still leads there for who sees the same root.
    #expect(name == "_start")
  }

  @Test func aStrippedProgram() throws {
    let scratch = try Scratch()
    let image = try Image()
    let program = try scratch.write(image.stripped, "a stripped one")
    let load = try Load("sleepers", "1", program: program)
    var symbols = UserSymbols()
    let entry = try auxiliary(entryPoint, of: load.pid)
    let place = "a stripped one+0x" + String(image.entry, radix: 16)
    #expect(symbols.name(of: entry, in: load.pid) == place)
    #expect(symbols.mappingName(at: entry, in: load.pid) == program.path)
  }

  @Test func aDebugFileByBuildID() throws {
    let scratch = try Scratch()
    let image = try Image()
    let id = try #require(image.buildID)
    _ = try scratch.write(image, "debug/.build-id/\(id.prefix(2))/\(id.dropFirst(2)).debug")
    let code = try MappedCode(try scratch.write(image.stripped, "stripped"))
    var symbols = UserSymbols(debugDirectory: scratch.url.appending(path: "debug").path)
    #expect(symbols.name(of: code.start + image.entry, in: getpid()) == "_start")
  }

  /// Another file under the old path, and under the one that the kernel then shows, isn't taken.
  @Test func aDeletedProgram() throws {
    let scratch = try Scratch()
    let image = try Image()
    let program = try scratch.write(image.stripped, "program")
    let load = try Load("sleepers", "1", program: program)
    try FileManager.default.removeItem(at: program)
    _ = try scratch.write(image, "program")
    _ = try scratch.write(image, "program (deleted)")
    var symbols = UserSymbols()
    let entry = try auxiliary(entryPoint, of: load.pid)
    #expect(symbols.mappingName(at: entry, in: load.pid) == program.path + " (deleted)")
    #expect(
      symbols.name(of: entry, in: load.pid) == "program+0x" + String(image.entry, radix: 16))
  }

  /// map_files or exe lead to a file that has no path any more.
  @Test func aDeletedProgramIsStillRead() throws {
    let scratch = try Scratch()
    let program = try scratch.write(try Image(), "program")
    let load = try Load("sleepers", "1", program: program)
    try FileManager.default.removeItem(at: program)
    var symbols = UserSymbols()
    #expect(symbols.name(of: try auxiliary(entryPoint, of: load.pid), in: load.pid) == "_start")
  }

  /// In a mount namespace of its own, on a file system that this process doesn't see.
  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func aProgramInAContainer() throws {
    let script = """
      mount -t tmpfs t /mnt && cp "$0" /mnt/contained && exec /mnt/contained sleepers 1
      """
    // It ends with its standard input.
    let command = try Command(
      "unshare", ["-m", "sh", "-c", script, Binaries.url("testload").path],
      to: .terminal(columns: 80, rows: 24))
    try command.read { $0.contains("ready") }
    try #require(!FileManager.default.fileExists(atPath: "/mnt/contained"))
    var symbols = UserSymbols()
    let entry = try auxiliary(entryPoint, of: command.pid)
    #expect(symbols.mappingName(at: entry, in: command.pid) == "/mnt/contained")
    #expect(symbols.name(of: entry, in: command.pid) == "_start")
  }

  @Test func aFileWrittenAnewIsReadAnew() throws {
    let scratch = try Scratch()
    let image = try Image()
    let file = try scratch.write(image.stripped, "program")
    let code = try MappedCode(file)
    var symbols = UserSymbols(debugDirectory: "/nonexistent")
    let address = code.start + image.entry
    #expect(symbols.name(of: address, in: getpid())?.hasPrefix("program+0x") == true)
    usleep(20_000)
    let handle = try FileHandle(forWritingTo: file)
    try handle.write(contentsOf: Data(image.bytes))
    try handle.close()
    symbols.forget(pid: getpid())
    #expect(symbols.name(of: address, in: getpid()) == "_start")
  }

  @Test func keepsNoMoreFilesThanItMay() throws {
    let scratch = try Scratch()
    let image = try Image()
    let codes = try (0..<5).map { try MappedCode(try scratch.write(image, "copy \($0)")) }
    var symbols = UserSymbols(fileLimit: 2)
    for _ in 0..<2 {
      for code in codes {
        #expect(symbols.name(of: code.start + image.entry, in: getpid()) == "_start")
        #expect((1...2).contains(symbols.fileCount))
      }
    }
  }
}
