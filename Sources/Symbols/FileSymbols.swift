import CElf
import Glibc

/// The functions of a program or a shared library.
struct FileSymbols {
  /// Where functions begin, in the file's own addresses; ascending, each once.
  private var addresses: [UInt64] = []
  /// How many bytes each takes.
  private var sizes: [UInt32] = []
  private var places: [UInt32] = []
  private var names = NameTable()
  private var segments: [sonde_elf_segment] = []

  /// Bytes that this takes.
  var cost: Int { names.bytes.count + addresses.count * 16 }

  /// Of something that has none.
  init() {}

  /// Reads those of an open file, and of its debug file, where there is one. Of a file that is
  /// damaged, what can be had.
  ///
  /// - Parameter debugDirectory: holds `.build-id/xx/yyyy.debug`.
  init(descriptor: Int32, debugDirectory: String) {
    guard let elf = unsafe sonde_elf_open(descriptor) else { return }
    defer { unsafe sonde_elf_close(elf) }
    var segment = sonde_elf_segment()
    while unsafe sonde_elf_next_segment(elf, &segment) != 0 { segments.append(segment) }

    var collector = SymbolCollector()
    unsafe collector.add(elf)
    var id = [UInt8](repeating: 0, count: 64)
    let length = unsafe sonde_elf_build_id(elf, &id, id.count)
    if length >= 2, length <= id.count {
      collector.add(debugFile: FileSymbols.debugFile(of: id[..<length], in: debugDirectory))
    }
    for symbol in collector.distinct() {
      guard let place = names.add(collector.names[symbol.place]) else { break }
      addresses.append(symbol.address)
      sizes.append(UInt32(clamping: symbol.size))
      places.append(place)
    }
  }

  /// The function that holds a place in the file, if the file tells.
  func name(atFileOffset offset: UInt64) -> String? {
    for segment in segments where offset >= segment.offset {
      let distance = offset - segment.offset
      if distance < segment.size { return name(at: segment.address &+ distance) }
    }
    return nil
  }

  private func name(at address: UInt64) -> String? {
    var index = countUpTo(address, in: addresses) - 1
    // A function may hold others: some steps back, for the innermost.
    let last = max(index - 8, -1)
    while index > last {
      if address - addresses[index] < UInt64(sizes[index]) {
        return names.string(at: places[index])
      }
      index -= 1
    }
    return nil
  }

  /// Where distributions put it (GDB's manual: "Debugging Information in Separate Files").
  private static func debugFile(of buildID: ArraySlice<UInt8>, in directory: String) -> String {
    let digits = buildID.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return "\(directory)/.build-id/\(digits[0])/\(digits[1...].joined()).debug"
  }
}

/// All symbols of a file, out of several tables, with their aliases.
private struct SymbolCollector {
  struct Symbol {
    let address: UInt64
    var size: UInt64
    let sectionEnd: UInt64
    let isLabel: Bool
    /// Of several names for one address, that with the lowest is taken.
    let rank: Int
    let place: UInt32
  }

  private(set) var names = NameTable()
  private var symbols: [Symbol] = []

  mutating func add(_ elf: OpaquePointer) {
    var symbol = unsafe sonde_elf_symbol()
    while unsafe sonde_elf_next_symbol(elf, &symbol) != 0 {
      // Where .dynsym is all there is, what follows one without a size may be anything.
      if unsafe symbol.size == 0, unsafe symbol.is_dynamic != 0 { continue }
      guard let name = unsafe symbol.name, unsafe add(symbol, named: name) else { return }
    }
  }

  /// Whether there was room for it.
  private mutating func add(
    _ symbol: sonde_elf_symbol, named name: UnsafePointer<CChar>
  ) -> Bool {
    let length = unsafe strnlen(name, SymbolCollector.longestName)
    let all = unsafe UnsafeRawBufferPointer(start: name, count: length)
    // "memcpy@@GLIBC_2.14"
    let version = unsafe all.dropFirst().firstIndex(of: UInt8(ascii: "@")) ?? length
    guard let place = unsafe names.add(all[..<version]) else { return false }
    let underscores = unsafe all.prefix { $0 == UInt8(ascii: "_") }.count
    unsafe symbols.append(
      Symbol(
        address: symbol.address, size: min(symbol.size, .max - symbol.address),
        sectionEnd: symbol.section_end, isLabel: symbol.is_label != 0,
        rank: (symbol.is_label != 0 ? 256 : 0) + (symbol.size == 0 ? 128 : 0)
          + min(underscores, 15) * 4 + (symbol.is_local != 0 ? 2 : symbol.is_weak != 0 ? 1 : 0),
        place: place))
    return true
  }

  mutating func add(debugFile path: String) {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return }
    defer { close(file) }
    guard let elf = unsafe sonde_elf_open(file) else { return }
    unsafe add(elf)
    unsafe sonde_elf_close(elf)
  }

  /// One symbol for an address, in ascending order, each with a size; no label that lies within a
  /// function.
  mutating func distinct() -> [Symbol] {
    symbols.sort { ($0.address, $0.rank, $0.place) < ($1.address, $1.rank, $1.place) }
    var kept: [Symbol] = []
    var end: UInt64 = 0
    for symbol in symbols where symbol.address != kept.last?.address {
      if symbol.isLabel, symbol.address < end { continue }
      if !symbol.isLabel { end = max(end, symbol.address + symbol.size) }
      kept.append(symbol)
    }
    for index in kept.indices where kept[index].size == 0 {
      let next = index + 1 < kept.count ? kept[index + 1].address : .max
      let limit = min(next, kept[index].sectionEnd)
      kept[index].size = limit > kept[index].address ? limit - kept[index].address : 0
    }
    return kept
  }

  private static let longestName = 4096
}
