import Proc

/// The functions of the running kernel and its modules (`/proc/kallsyms`: kernel/kallsyms.c), as
/// they were when it was read: modules and BPF programs come and go.
public struct KernelSymbols: Sendable {
  /// A function, or one of the parts and copies that the compiler made of it.
  public struct Function: Sendable, Hashable {
    /// As the kernel has it: "vfs_read", "vfs_read.cold".
    public let name: String
    /// From its first byte up to the next symbol, so with the padding behind it.
    public let range: Range<UInt64>
  }

  /// All symbols in ascending order; of those at one address the first that is code.
  private var addresses: [UInt64] = []
  /// Their names; ``data`` where it isn't code, and only ends what lies before it.
  private var places: [UInt32] = []
  private var names = NameTable()
  /// Second and further names of an address.
  private var aliases: [(address: UInt64, place: UInt32)] = []

  private static let data = UInt32.max
  /// No function takes more; behind the last one of a module follows what has no symbol.
  private static let longest: UInt64 = 1 << 20

  /// Reads the symbols of this kernel.
  public static func current() throws(KernelSymbolsError) -> KernelSymbols {
    try KernelSymbols(parsing: try text())
  }

  private static func text() throws(KernelSymbolsError) -> [UInt8] {
    do throws(ProcError) {
      return try bytes(of: "/proc/kallsyms")
    } catch {
      throw .unreadable(error)
    }
  }

  /// Why there would be none, by the first lines of the file alone; nil where there are some.
  public static func unavailableReason() -> KernelSymbolsError? {
    let text: [UInt8]
    do throws(ProcError) {
      text = try bytes(of: "/proc/kallsyms", enough: 1)
    } catch {
      return .unreadable(error)
    }
    let isHidden = text.split(separator: UInt8(ascii: "\n")).allSatisfy { line in
      line.prefix { $0 != UInt8(ascii: " ") }.allSatisfy { $0 == UInt8(ascii: "0") }
    }
    return isHidden ? .hidden : nil
  }

  /// The addresses of symbols of the kernel itself, data as well, by their names; none for those that
  /// aren't there or are hidden.
  public static func addresses(
    of names: [String]
  ) throws(KernelSymbolsError) -> [String: UInt64] {
    let text = try text()
    let wanted = names.map { Array($0.utf8) }
    var found: [String: UInt64] = [:]
    var scanner = Scanner(text)
    while !scanner.isAtEnd, found.count < names.count {
      let address = scanner.number(radix: 16)
      _ = scanner.skip(" ")
      _ = scanner.upTo { $0 == UInt8(ascii: " ") }
      _ = scanner.skip(" ")
      let name = text[scanner.upTo { $0 == UInt8(ascii: "\t") }]
      if let address, address != 0, scanner.next == UInt8(ascii: "\n"),
        let index = wanted.firstIndex(where: { $0.count == name.count && $0.elementsEqual(name) })
      {
        found[names[index]] = address
      }
      scanner.skipLine()
    }
    return found
  }

  /// From the text of the file: "ffffffff81000000 T _text", with "\t[module]" behind the symbols of
  /// modules.
  public init(parsing text: [UInt8]) throws(KernelSymbolsError) {
    var symbols: [(address: UInt64, place: UInt32)] = []
    var scanner = Scanner(text)
    var line = 0
    var isHidden = true
    while !scanner.isAtEnd {
      line += 1
      guard let address = scanner.number(radix: 16), scanner.skip(" ") else {
        throw .malformed(line: line)
      }
      let type = scanner.upTo { $0 == UInt8(ascii: " ") }
      guard type.count == 1, scanner.skip(" ") else { throw .malformed(line: line) }
      let name = scanner.upTo { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
      guard !name.isEmpty else { throw .malformed(line: line) }
      scanner.skipLine()
      if address != 0 { isHidden = false }

      if KernelSymbols.isCode(text[type.lowerBound]) {
        guard let place = names.add(text[name]) else { throw .malformed(line: line) }
        symbols.append((address, place))
      } else {
        symbols.append((address, KernelSymbols.data))
      }
    }
    if line == 0 || names.bytes.isEmpty { throw .empty }
    if isHidden { throw .hidden }

    // The places ascend with the lines: the kernel, too, takes the first of several names.
    symbols.sort { $0.address != $1.address ? $0.address < $1.address : $0.place < $1.place }
    addresses.reserveCapacity(symbols.count)
    places.reserveCapacity(symbols.count)
    for (address, place) in symbols {
      if place == KernelSymbols.data, places.last == place { continue }
      if address != addresses.last {
        addresses.append(address)
        places.append(place)
      } else if place != KernelSymbols.data {
        aliases.append((address, place))
      }
    }
  }

  /// Symbols that are code: local and global ones, and the weak, some of which are data.
  private static func isCode(_ type: UInt8) -> Bool {
    switch type {
    case UInt8(ascii: "t"), UInt8(ascii: "T"), UInt8(ascii: "w"), UInt8(ascii: "W"): true
    default: false
    }
  }

  /// The name of the function that an address lies in; nil where none is known there.
  public func name(of address: UInt64) -> String? {
    let index = countUpTo(address, in: addresses) - 1
    guard index >= 0, places[index] != KernelSymbols.data,
      address - addresses[index] < KernelSymbols.longest
    else { return nil }
    return names.string(at: places[index])
  }

  /// All functions of that name, and what the compiler made of them: "f.isra.0", "f.constprop.0",
  /// "f.part.0", "f.cold" and clang's "f.llvm.123" for "f". In ascending order of their addresses.
  ///
  /// Static functions of different files may share a name.
  public func addresses(named name: String) -> [Function] {
    let wanted = Array(name.utf8)
    var found: [Function] = []
    func check(_ place: UInt32, at address: UInt64) {
      guard place != KernelSymbols.data else { return }
      let candidate = names[place]
      guard candidate.starts(with: wanted),
        isCompilerSuffix(candidate.dropFirst(wanted.count))
      else { return }
      found.append(Function(name: names.string(at: place), range: range(from: address)))
    }
    for index in addresses.indices { check(places[index], at: addresses[index]) }
    for alias in aliases { check(alias.place, at: alias.address) }
    return found.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// The same for several names, none of which has a dot, by one pass.
  public func addresses(named wanted: Set<String>) -> [String: [Function]] {
    let keys = Dictionary(uniqueKeysWithValues: wanted.map { (ArraySlice($0.utf8), $0) })
    var found: [String: [Function]] = [:]
    func check(_ place: UInt32, at address: UInt64) {
      guard place != KernelSymbols.data else { return }
      let candidate = names[place]
      let stem = candidate.prefix { $0 != UInt8(ascii: ".") }
      guard let name = keys[stem], isCompilerSuffix(candidate.dropFirst(stem.count)) else { return }
      found[name, default: []].append(
        Function(name: names.string(at: place), range: range(from: address)))
    }
    for index in addresses.indices { check(places[index], at: addresses[index]) }
    for alias in aliases { check(alias.place, at: alias.address) }
    return found.mapValues { $0.sorted { $0.range.lowerBound < $1.range.lowerBound } }
  }

  /// From an address at which a symbol stands.
  private func range(from address: UInt64) -> Range<UInt64> {
    let next = countUpTo(address, in: addresses)
    let room = UInt64.max - address
    let limit = address + min(room, KernelSymbols.longest)
    return address..<(next < addresses.count ? min(addresses[next], limit) : limit)
  }
}

/// Whether a name's tail says nothing but what a compiler did: "", ".isra.0", ".part.0.cold".
private func isCompilerSuffix(_ tail: ArraySlice<UInt8>) -> Bool {
  let words = tail.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  guard let first = words.first else { return true }
  // Before the first dot stands nothing.
  guard first.isEmpty else { return false }
  var mayBeNumber = false
  var mustBeNumber = false
  for word in words.dropFirst() {
    switch String(decoding: word, as: UTF8.self) {
    case "isra", "constprop", "part", "llvm":
      guard !mustBeNumber else { return false }
      (mayBeNumber, mustBeNumber) = (true, true)
    case "cold":
      guard !mustBeNumber else { return false }
      // Old compilers number these, too.
      mayBeNumber = true
    case let text:
      guard mayBeNumber, !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
        return false
      }
      (mayBeNumber, mustBeNumber) = (false, false)
    }
  }
  return !mustBeNumber
}
