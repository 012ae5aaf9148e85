/// The live tasks, found by thread id.
///
/// An index by id rather than a hash: two array reads an event. Its pages are freed as their last
/// task goes, so memory follows the live tasks, however many ids were used before.
@safe struct TaskTable: ~Copyable {
  /// Where a task stands; stays the same as long as it lives.
  typealias Slot = Int

  /// Thread ids are below PID_MAX_LIMIT, 4,194,304 (`include/linux/threads.h`).
  private static let pageBits = 10
  private static let pageCount = 1 << (22 - pageBits)

  @safe private struct Page {
    var slots: UnsafeMutablePointer<UInt32>?
    var live: Int = 0
  }

  private let pages: UnsafeMutablePointer<Page>
  private var tasks: UnsafeMutablePointer<TrackedTask>
  private var capacity = 256
  /// Slots handed out so far, those free again included.
  private var used = 0
  private var free: [UInt32] = []

  /// How many tasks there are.
  var count: Int { used - free.count }

  init() {
    unsafe pages = .allocate(capacity: Self.pageCount)
    unsafe pages.initialize(repeating: Page(), count: Self.pageCount)
    unsafe tasks = .allocate(capacity: capacity)
  }

  deinit {
    for index in 0..<Self.pageCount {
      unsafe pages[index].slots?.deallocate()
    }
    unsafe pages.deallocate()
    unsafe tasks.deallocate()
  }

  /// Whether it can be the id of a task at all.
  @inline(__always)
  static func canHold(_ tid: UInt32) -> Bool { tid >> pageBits < pageCount }

  @inline(__always)
  func find(_ tid: UInt32) -> Slot? {
    let page = Int(tid >> Self.pageBits)
    guard page < Self.pageCount, let slots = unsafe pages[page].slots else { return nil }
    let entry = unsafe slots[Int(tid & (1 << Self.pageBits - 1))]
    return entry == 0 ? nil : Int(entry) - 1
  }

  /// - Precondition: `slot` came from this table and was not removed.
  @inline(__always)
  subscript(slot: Slot) -> TrackedTask {
    unsafeAddress {
      assert(slot < used)
      return unsafe UnsafePointer(tasks + slot)
    }
    unsafeMutableAddress {
      assert(slot < used)
      return unsafe tasks + slot
    }
  }

  /// Adds a task; one of the same id must not be there, and its id must be possible.
  mutating func insert(_ task: TrackedTask) -> Slot {
    let page = Int(task.tid >> Self.pageBits)
    precondition(Self.canHold(task.tid), "a thread id beyond PID_MAX_LIMIT")
    if unsafe pages[page].slots == nil {
      let slots = UnsafeMutablePointer<UInt32>.allocate(capacity: 1 << Self.pageBits)
      unsafe slots.initialize(repeating: 0, count: 1 << Self.pageBits)
      unsafe pages[page].slots = unsafe slots
    }
    let slot: Slot
    if let again = free.popLast() {
      slot = Int(again)
    } else {
      if used == capacity { grow() }
      slot = used
      used += 1
    }
    unsafe (tasks + slot).initialize(to: task)
    unsafe pages[page].slots![Int(task.tid & (1 << Self.pageBits - 1))] = UInt32(slot + 1)
    unsafe pages[page].live += 1
    return slot
  }

  mutating func remove(_ slot: Slot) {
    let tid = self[slot].tid
    let page = Int(tid >> Self.pageBits)
    unsafe pages[page].slots![Int(tid & (1 << Self.pageBits - 1))] = 0
    unsafe pages[page].live -= 1
    if unsafe pages[page].live == 0 {
      unsafe pages[page].slots!.deallocate()
      unsafe pages[page].slots = nil
    }
    // Id 0 marks the slot as free: the idle task is never in the table.
    self[slot].tid = 0
    free.append(UInt32(slot))
  }

  /// All slots; those with thread id 0 hold no task.
  var slots: Range<Slot> { 0..<used }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<TrackedTask>.allocate(capacity: capacity * 2)
    unsafe larger.moveInitialize(from: tasks, count: used)
    unsafe tasks.deallocate()
    unsafe tasks = unsafe larger
    capacity *= 2
  }
}
