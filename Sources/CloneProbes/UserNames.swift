import CloneModel
import Collapse
import Experiments
import Reports
import Symbols
import Unwinding

/// Finds the names of stacks and mappings while their processes live.
struct UserNames {
  private var symbols = UserSymbols()
  private let namesCallers: Bool
  private let areUnwound = UnwoundStacks.reasonAgainst == nil
  private lazy var canCollapse = Collapser.isSupported
  private lazy var calibration = CalibrationFile.read().calibration

  init(namesCallers: Bool) { self.namesCallers = namesCallers }

  mutating func answers(to lookups: [CloneLookup]) -> [CloneAnswer] {
    var pids: Set<Int32> = []
    let answers = lookups.map { lookup in
      switch lookup {
      case .stack where !namesCallers:
        return CloneAnswer(lookup, functions: ["[not looked up]"])
      case .stack(let key):
        let pid = Int32(bitPattern: key.tgid)
        pids.insert(pid)
        return CloneAnswer(lookup, functions: names(of: key.stack.addresses, in: pid))
      case .mapping(let key):
        let pid = Int32(bitPattern: key.tgid)
        pids.insert(pid)
        return CloneAnswer(lookup, name: symbols.mappingName(at: key.start, in: pid))
      case .page(let tgid, let address):
        let pid = Int32(bitPattern: tgid)
        pids.insert(pid)
        return CloneAnswer(lookup, mapping: symbols.range(at: address, in: pid))
      case .memory(let tgid):
        return CloneAnswer(
          lookup,
          memory: ForkedMemory.of(
            pid: Int32(bitPattern: tgid), canCollapse: canCollapse, calibration: calibration))
      }
    }
    // Maps change, and ids come again.
    for pid in pids { symbols.forget(pid: pid) }
    return answers
  }

  /// Where a stack was taken by frame pointers and there are none, what follows is no address of code:
  /// there it ends.
  private mutating func names(of addresses: [UInt64], in pid: Int32) -> [String] {
    var names: [String] = []
    for address in addresses {
      if let end = Unwinder.End(rawValue: address) {
        names.append(end.name)
        continue
      }
      // A return address may be the first byte of another function.
      let name = symbols.name(of: names.isEmpty ? address : address &- 1, in: pid)
      if name == nil || (name == "[unknown]" && !areUnwound), !names.isEmpty { break }
      names.append(name ?? "0x" + String(address, radix: 16))
    }
    return names
  }
}

extension UserSymbols {
  fileprivate mutating func range(at address: UInt64, in pid: Int32) -> MappedRange? {
    mapping(at: address, in: pid).map {
      MappedRange(start: $0.range.lowerBound, end: $0.range.upperBound, name: $0.name)
    }
  }
}
