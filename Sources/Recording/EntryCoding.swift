/// Entries in an order, and with differences, that compress well: a context switch takes half as much.
///
/// A block's entries with a content of 32 bytes, which switches have (`sonde_switch`), are taken out
/// and written by columns: the first byte of all, the second of all, and so on. Before that the time
/// becomes the difference to the switch before, `next_run_delay` and `next_pcount` those to the same
/// task's last, and `prev_tid` what it differs in from the task that the CPU was last given to.
///
/// The form, numbers little-endian: how many such entries there are (4 bytes), how many others (4);
/// for each other one how many such come before it (4); the 40 columns; the others as they are.
package enum EntryCoding {
  private static let size = 40

  /// What a difference is to: of a block alone.
  private struct Last {
    var time: UInt64 = 0
    private var runDelays = [UInt64](repeating: 0, count: 4096)
    private var counts = [UInt32](repeating: 0, count: 4096)
    private var running = [UInt32](repeating: 0, count: 1024)

    /// Turns an entry's content into differences, or back.
    @inline(__always)
    mutating func code(_ entry: UnsafeMutableRawPointer, decodes: Bool) {
      let cpu = unsafe Int(entry.load(fromByteOffset: 2, as: UInt16.self)) & 1023
      let content = unsafe entry + 8
      let tid = unsafe content.load(fromByteOffset: 8, as: UInt32.self)
      let task = Int(tid) & 4095
      let (old, delay) = unsafe (
        content.load(as: UInt64.self), content.load(fromByteOffset: 16, as: UInt64.self)
      )
      let (prev, count) = unsafe (
        content.load(fromByteOffset: 24, as: UInt32.self),
        content.load(fromByteOffset: 28, as: UInt32.self)
      )
      let newTime = decodes ? time &+ old : old &- time
      let newDelay = decodes ? runDelays[task] &+ delay : delay &- runDelays[task]
      let newCount = decodes ? counts[task] &+ count &+ 1 : count &- counts[task] &- 1
      unsafe content.storeBytes(of: newTime, as: UInt64.self)
      unsafe content.storeBytes(of: newDelay, toByteOffset: 16, as: UInt64.self)
      unsafe content.storeBytes(of: prev ^ running[cpu], toByteOffset: 24, as: UInt32.self)
      unsafe content.storeBytes(of: newCount, toByteOffset: 28, as: UInt32.self)
      time = decodes ? newTime : old
      runDelays[task] = decodes ? newDelay : delay
      counts[task] = decodes ? newCount : count
      running[cpu] = tid
    }
  }

  /// - Parameter entries: whole ones, each padded to eight bytes.
  package static func encoded(_ entries: [UInt8]) -> [UInt8] {
    var switches: [UInt8] = []
    var others: [UInt8] = []
    var places: [UInt8] = []
    switches.reserveCapacity(entries.count)
    var last = Last()
    var offset = 0
    while entries.count - offset >= 8 {
      let head: UInt64 = entries.number(at: offset)
      let end = min((offset + 8 + Int(head >> 32) + 7) & ~7, entries.count)
      if head & 0xff == 1, head >> 32 == 32, end - offset == size {
        let start = switches.count
        switches += entries[offset..<end]
        unsafe switches.withUnsafeMutableBytes { buffer in
          unsafe last.code(buffer.baseAddress! + start, decodes: false)
        }
      } else {
        places.append(number: UInt32(switches.count / size))
        others += entries[offset..<end]
      }
      offset = end
    }
    let count = switches.count / size
    var coded: [UInt8] = []
    coded.reserveCapacity(8 + places.count + entries.count)
    coded.append(number: UInt32(count))
    coded.append(number: UInt32(places.count / 4))
    coded += places
    let start = coded.count
    coded += [UInt8](repeating: 0, count: switches.count)
    for column in 0..<size {
      for index in 0..<count {
        coded[start + column * count + index] = switches[index * size + column]
      }
    }
    return coded + others
  }

  /// What was encoded; nil where the bytes can't be.
  package static func decoded(_ coded: [UInt8]) -> [UInt8]? {
    guard coded.count >= 8 else { return nil }
    let count = Int(coded.number(at: 0) as UInt32)
    let places = Int(coded.number(at: 4) as UInt32)
    let start = 8 + 4 * places
    guard count <= coded.count / size, start <= coded.count - count * size else { return nil }
    var offset = start + count * size
    var entries: [UInt8] = []
    entries.reserveCapacity(coded.count)
    var last = Last()
    var next = 0
    func appendSwitches(upTo end: Int) {
      while next < end {
        let place = entries.count
        for column in 0..<size { entries.append(coded[start + column * count + next]) }
        unsafe entries.withUnsafeMutableBytes { buffer in
          unsafe last.code(buffer.baseAddress! + place, decodes: true)
        }
        next += 1
      }
    }
    for index in 0..<places {
      let before = Int(coded.number(at: 8 + 4 * index) as UInt32)
      guard before >= next, before <= count, coded.count - offset >= 8 else { return nil }
      appendSwitches(upTo: before)
      let length = Int((coded.number(at: offset) as UInt64) >> 32)
      guard length <= coded.count - offset - 8 else { return nil }
      let end = min(offset + (8 + length + 7) & ~7, coded.count)
      entries += coded[offset..<end]
      // What comes next begins at a multiple of eight.
      guard entries.count % 8 == 0 else { return nil }
      offset = end
    }
    appendSwitches(upTo: count)
    return offset == coded.count ? entries : nil
  }
}
