import Glibc
import Synchronization
import Testing

import Proc

/// Lookups that may never return.
struct LookupsTests {
  /// A FIFO that nobody writes to: who opens it waits.
  private final class Fifo: Sendable {
    let path: String

    init() {
      path = "/tmp/sonde-fifo-\(getpid())-\(UInt64.random(in: 0 ... .max))"
      unsafe mkfifo(path, 0o600)
    }

    func read() -> Int? {
      let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return nil }
      close(file)
      return 1
    }

    /// Lets those go on that wait.
    func release() {
      let file = unsafe open(path, O_RDWR | O_CLOEXEC)
      usleep(1000)
      close(file)
    }

    deinit { unsafe unlink(path) }
  }

  @Test func answers() {
    let lookups = Lookups(patience: 60_000_000_000)
    for number in 0..<100 {
      #expect(lookups.value { number } == number)
      #expect(lookups.value { nil as Int? } == nil)
    }
    #expect(lookups.leftOut == 0)
  }

  @Test func errorsComeThrough() {
    let lookups = Lookups(patience: 60_000_000_000)
    #expect(throws: ProcError("/nowhere", errno: ENOENT)) {
      try lookups.result(of: "/nowhere") { () throws(ProcError) in try bytes(of: "/nowhere") }
    }
    #expect(lookups.leftOut == 0)
  }

  /// Too many are stuck: nothing is looked up, until they return.
  @Test func stuck() {
    let fifo = Fifo()
    let lookups = Lookups(mostStuck: 2, patience: 300_000_000)
    #expect(lookups.value { fifo.read() } == nil)
    // Another thread has taken its place.
    #expect(lookups.value { 5 } == 5)
    #expect(throws: ProcError("path", "timed out")) {
      try lookups.result(of: "path") { () throws(ProcError) in fifo.read() }
    }
    #expect(lookups.leftOut == 2)
    let wasCalled = Mutex(false)
    let answer = lookups.value { () -> Int? in
      wasCalled.withLock { $0 = true }
      return 6
    }
    #expect(answer == nil && lookups.leftOut == 3)
    #expect(!wasCalled.withLock { $0 })
    var again: Int?
    for _ in 0..<1000 where again == nil {
      fifo.release()
      again = lookups.value { 7 }
    }
    #expect(again == 7)
  }

  /// From several threads at a time.
  @Test func together() async {
    let lookups = Lookups(patience: 60_000_000_000)
    await withTaskGroup(of: Bool.self) { group in
      for number in 0..<50 {
        group.addTask { lookups.value { number } == number }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
