import Glibc
import Proc
import Symbols
import Testing

struct KernelSymbolsTests {
  /// Aliases, static functions of the same name, parts that the compiler made, data, and two
  /// modules, not in the order of their addresses.
  static let fixture = """
    0000000000000000 A fixed_percpu_data
    ffffffff81000000 T _stext
    ffffffff81000000 T _text
    ffffffff81000040 t init_once
    ffffffff81000080 T vfs_read
    ffffffff81000100 t init_once
    ffffffff81000120 t vfs_read.cold
    ffffffff81000140 t vfs_read.part.0.isra.0
    ffffffff81000150 t vfs_read.constprop.12
    ffffffff81000160 t vfs_read.part.0.cold
    ffffffff81000170 t vfs_read.llvm.8126735
    ffffffff81000180 t vfs_read.cold.3
    ffffffff81000190 T vfs_readv
    ffffffff810001a0 t vfs_read.isra
    ffffffff810001b0 t vfs_read.7
    ffffffff810001c0 W weak_one
    ffffffff810001d0 w weak_two
    ffffffff810001e0 D some_data
    ffffffff810001e8 d more_data
    ffffffffc0400000 t ext4_read\t[ext4]
    ffffffffc0400100 t init_once\t[ext4]
    ffffffffc0400200 d ext4_data\t[ext4]
    ffffffffc0300000 t xfs_read\t[xfs]
    ffffffffc0300080 T vfs_read\t[xfs]

    """

  static func symbols(_ text: String) throws(KernelSymbolsError) -> KernelSymbols {
    try KernelSymbols(parsing: Array(text.utf8))
  }

  @Test(
    arguments: [
      (0xffff_ffff_8100_0000, "_stext"), (0xffff_ffff_8100_003f, "_stext"),
      (0xffff_ffff_8100_0040, "init_once"), (0xffff_ffff_8100_00ff, "vfs_read"),
      (0xffff_ffff_8100_0120, "vfs_read.cold"), (0xffff_ffff_8100_01c0, "weak_one"),
      (0xffff_ffff_8100_01df, "weak_two"), (0xffff_ffff_8100_01e0, nil),
      (0xffff_ffff_8100_01ef, nil), (0xffff_ffff_80ff_ffff, nil), (0, nil),
      (0xffff_ffff_c030_0000, "xfs_read"), (0xffff_ffff_c030_0100, "vfs_read"),
      (0xffff_ffff_c03f_ffff, "vfs_read"), (0xffff_ffff_c040_00ff, "ext4_read"),
      (0xffff_ffff_c040_01ff, "init_once"), (0xffff_ffff_c040_0200, nil), (.max, nil),
    ] as [(UInt64, String?)])
  func nameOf(address: UInt64, name: String?) throws {
    #expect(try KernelSymbolsTests.symbols(KernelSymbolsTests.fixture).name(of: address) == name)
  }

  @Test func aDistantAddressBelongsToNone() throws {
    let symbols = try KernelSymbolsTests.symbols("1000 t last\n")
    #expect(symbols.name(of: 0x1000 + 0xfffff) == "last")
    #expect(symbols.name(of: 0x1000 + 0x100000) == nil)
    let top = try KernelSymbolsTests.symbols("fffffffffffffff0 t top")
    #expect(top.name(of: .max) == "top")
    #expect(top.addresses(named: "top").map(\.range) == [0xffff_ffff_ffff_fff0..<(.max)])
  }

  @Test func duplicatesAndVariants() throws {
    let symbols = try KernelSymbolsTests.symbols(KernelSymbolsTests.fixture)
    let found = symbols.addresses(named: "vfs_read")
    #expect(
      found.map(\.name) == [
        "vfs_read", "vfs_read.cold", "vfs_read.part.0.isra.0", "vfs_read.constprop.12",
        "vfs_read.part.0.cold", "vfs_read.llvm.8126735", "vfs_read.cold.3", "vfs_read",
      ])
    #expect(found[0].range == 0xffff_ffff_8100_0080..<0xffff_ffff_8100_0100)
    #expect(found.last?.range.lowerBound == 0xffff_ffff_c030_0080)
    #expect(
      symbols.addresses(named: "init_once").map(\.range) == [
        0xffff_ffff_8100_0040..<0xffff_ffff_8100_0080,
        0xffff_ffff_8100_0100..<0xffff_ffff_8100_0120,
        0xffff_ffff_c040_0100..<0xffff_ffff_c040_0200,
      ])
    // Both names of one address, up to the next one.
    #expect(symbols.addresses(named: "_text").map(\.range.count) == [0x40])
    #expect(symbols.addresses(named: "_stext").map(\.range.count) == [0x40])
    #expect(symbols.addresses(named: "some_data").isEmpty)
    #expect(symbols.addresses(named: "vfs_rea").isEmpty)
    #expect(
      symbols.addresses(named: "vfs_read.cold").map(\.name) == ["vfs_read.cold"])
  }

  @Test func hiddenAddresses() {
    let text = "0000000000000000 T _text\n0000000000000000 t init\t[ext4]\n"
    let error = #expect(throws: KernelSymbolsError.self) { try KernelSymbolsTests.symbols(text) }
    #expect(error?.kind == .hidden)
    #expect(error?.remedy?.contains("CAP_SYSLOG") == true)
    #expect(error?.description.contains("run as root") == true)
  }

  @Test(
    arguments: [
      ("", "contains no function"), ("1000 D data\n", "contains no function"),
      ("1000 T a\nx", "line 2 "),
      ("1000 T a\n\n", "line 2 "), ("1000\n", "line 1 "),
      ("1000 T\n", "line 1 "), ("1000 T \n", "line 1 "),
      ("1000 TT a\n", "line 1 "), ("fffffffffffffffff T a\n", "line 1 "),
      ("1000Ta", "line 1 "), ("-1 T a", "line 1 "),
    ] as [(String, String)])
  func notFromOtherText(text: String, reason: String) {
    let error = #expect(throws: KernelSymbolsError.self) { try KernelSymbolsTests.symbols(text) }
    #expect(error?.kind == .malformed && error?.remedy == nil)
    #expect(error?.description.hasPrefix("/proc/kallsyms: \(reason)") == true)
  }

  @Test func addressesOfThisKernel() throws {
    let symbols = Dictionary(
      try contents(of: "/proc/kallsyms").split(separator: "\n").map { line in
        let words = line.split { $0 == " " || $0 == "\t" }
        return (String(words[2]), UInt64(words[0], radix: 16) ?? 0)
      }, uniquingKeysWith: { first, _ in first })
    let names = ["schedule", "no_such_symbol", "avenrun", "vfs_read"]
    let found = try KernelSymbols.addresses(of: names)
    for name in names {
      let address = symbols[name] ?? 0
      #expect(found[name] == (address == 0 ? nil : address))
    }
  }

  /// Every line of the file, taken apart by other means.
  @Test func ofThisKernel() throws {
    let text = try contents(of: "/proc/kallsyms")
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"))
    let symbols: KernelSymbols
    do {
      symbols = try KernelSymbols.current()
    } catch {
      #expect(error.kind == .hidden)
      #expect(lines.allSatisfy { $0.starts(with: "0000000000000000".utf8) })
      return
    }
    var named: [UInt64: Set<String>] = [:]
    for line in lines {
      let words = Substring(line).words
      guard "tTwW".contains(words[1]) else { continue }
      named[try #require(UInt64(words[0], radix: 16)), default: []].insert(String(words[2]))
    }
    #expect(named.count > 1000)
    for (address, names) in named {
      #expect(names.contains(symbols.name(of: address) ?? ""))
    }
    for (address, names) in named.sorted(by: { $0.key < $1.key }).prefix(40_000)
    where address % 1999 == 0 {
      for name in names {
        let found = symbols.addresses(named: name).filter { $0.range.lowerBound == address }
        #expect(found.contains { $0.name == name })
      }
    }
  }
}
