import Foundation
import Glibc
import Symbols
import Testing
import Support

/// Files as a crash or an attacker leaves them.
struct DamagedFileTests {
  /// The names of some places in a file, as it is mapped here.
  static func names(of file: URL, at places: [UInt64]) throws -> [String?] {
    let code = try MappedCode(file)
    var symbols = UserSymbols(debugDirectory: "/nonexistent")
    return places.map { symbols.name(of: code.start + $0, in: getpid()) }
  }

  @Test func cutOff() throws {
    var random = SplitMix64(seed: 1)
    let scratch = try Scratch()
    let image = try Image()
    let places = (0..<40).map { _ in
      UInt64.random(in: 0..<UInt64(image.bytes.count), using: &random)
    }
    let truth = try DamagedFileTests.names(of: try scratch.write(image, "whole"), at: places)
    #expect(truth.contains { $0?.hasPrefix("whole+0x") == false })
    for _ in 0..<100 {
      var part = image
      part.bytes.removeLast(Int.random(in: 1..<image.bytes.count, using: &random))
      let file = try scratch.write(part, "whole")
      let inside = places.filter { $0 < part.bytes.count }
      for (place, name) in zip(inside, try DamagedFileTests.names(of: file, at: inside)) {
        let known = truth[places.firstIndex(of: place)!]
        #expect(name == known || name == "whole+0x" + String(place, radix: 16))
      }
    }
  }

  /// Cut off while its symbols are asked for: nothing of it is mapped to be read.
  @Test func emptiedWhileMapped() throws {
    let scratch = try Scratch()
    let image = try Image()
    let file = try scratch.write(image, "program")
    let code = try MappedCode(file)
    truncate(file.path, 0)
    var symbols = UserSymbols(debugDirectory: "/nonexistent")
    let expected = "program+0x" + String(image.entry, radix: 16)
    #expect(symbols.name(of: code.start + image.entry, in: getpid()) == expected)
  }

  @Test(arguments: 0..<4) func withWrongBytes(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let scratch = try Scratch()
    let image = try Image()
    let sections = image.number(at: 0x28, bytes: 8)
    for round in 0..<150 {
      var damaged = image
      for _ in 0..<(1 << Int.random(in: 0..<8, using: &random)) {
        // Where it hurts: the file's header and the segments', the sections', and anywhere.
        let range =
          switch Int.random(in: 0..<3, using: &random) {
          case 0: 4..<0x300
          case 1: sections..<image.bytes.count
          default: 4..<image.bytes.count
          }
        let byte = Int.random(in: range, using: &random)
        damaged.bytes[byte] = [0, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
          .randomElement(using: &random)!
      }
      let file = try scratch.write(damaged, "damaged")
      let places = (0..<20).map { _ in
        UInt64.random(in: 0..<UInt64(image.bytes.count), using: &random)
      }
      let names = try DamagedFileTests.names(of: file, at: places + [image.entry])
      #expect(names.allSatisfy { $0?.isEmpty == false }, "round \(round)")
    }
  }
}
