/// Time waited for CPUs, by victim and culprit.
///
/// An open-addressing hash table: one or two memory reads per charge.
@safe struct WaitCharges: ~Copyable {
  private struct Cell {
    /// Victim and culprit; 0 for a free cell.
    var key: UInt64
    var ns: UInt64
  }

  private var cells: UnsafeMutablePointer<Cell>
  private var capacity = 1 << 10
  private var used = 0
  /// Beyond this many pairs, new ones are charged to ``Party/others``, one cell per victim.
  private static let most = 1 << 16

  init() { unsafe cells = Self.allocate(1 << 10) }

  deinit { unsafe cells.deallocate() }

  private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Cell> {
    let cells = UnsafeMutablePointer<Cell>.allocate(capacity: capacity)
    unsafe cells.initialize(repeating: Cell(key: 0, ns: 0), count: capacity)
    return unsafe cells
  }

  /// - Precondition: the victim isn't the idle CPU: key 0 marks a free cell.
  @inline(__always)
  mutating func charge(_ victim: UInt32, to culprit: UInt32, _ ns: UInt64) {
    let key = UInt64(victim) << 32 | UInt64(culprit)
    let index = unsafe Self.index(of: key, in: cells, capacity)
    if unsafe cells[index].key == key {
      unsafe cells[index].ns &+= ns
    } else {
      add(key, ns)
    }
  }

  @inline(__always)
  private static func index(
    of key: UInt64, in cells: UnsafeMutablePointer<Cell>, _ capacity: Int
  ) -> Int {
    var index = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & (capacity - 1)
    while unsafe cells[index].key != 0 && cells[index].key != key {
      index = (index + 1) & (capacity - 1)
    }
    return index
  }

  @inline(never)
  private mutating func add(_ key: UInt64, _ ns: UInt64) {
    var key = key
    if used >= Self.most { key = (key >> 32) << 32 | UInt64(Party.others.number) }
    if used * 2 >= capacity { grow() }
    let index = unsafe Self.index(of: key, in: cells, capacity)
    if unsafe cells[index].key == 0 { used += 1 }
    unsafe cells[index].key = key
    unsafe cells[index].ns &+= ns
  }

  private mutating func grow() {
    let larger = unsafe Self.allocate(capacity * 2)
    for index in 0..<capacity where unsafe cells[index].key != 0 {
      let place = unsafe Self.index(of: cells[index].key, in: larger, capacity * 2)
      unsafe larger[place] = cells[index]
    }
    unsafe cells.deallocate()
    unsafe cells = larger
    capacity *= 2
  }

  /// Passes each charge to `body` and empties the table.
  mutating func drain(_ body: (_ victim: UInt32, _ culprit: UInt32, _ ns: UInt64) -> Void) {
    for index in 0..<capacity {
      let cell = unsafe cells[index]
      guard cell.key != 0 else { continue }
      body(UInt32(cell.key >> 32), UInt32(truncatingIfNeeded: cell.key), cell.ns)
    }
    unsafe cells.deallocate()
    capacity = 1 << 10
    used = 0
    unsafe cells = Self.allocate(capacity)
  }
}
