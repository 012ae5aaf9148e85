import Exporting
import Testing

/// What waits for a collector.
struct PushQueueTests {
  @Test func theOldestFirst() throws {
    let queue = try PushQueue()
    #expect(!queue.put([1]) && !queue.put([2]))
    #expect(queue.wait() == [1])
    // Until it is said to be sent it stays.
    #expect(queue.wait() == [1] && queue.sent() == 0)
    #expect(queue.wait() == [2] && queue.sent() == 0)
    #expect(queue.isEmpty)
  }

  /// Of an outage the newest is kept, and how much is missing is told.
  @Test func outage() throws {
    let queue = try PushQueue(mostBytes: 100)
    for index in 0..<1000 {
      let isFirst = queue.put([UInt8](repeating: UInt8(index % 256), count: 10))
      // Said once in an outage.
      #expect(isFirst == (index == 10))
      // One is being sent all the time.
      if index == 3 { #expect(queue.wait()[0] == 0) }
    }
    #expect(queue.wait()[0] == UInt8(990 % 256))
    #expect(queue.sent() == 990)
    #expect(queue.wait()[0] == UInt8(991 % 256))
    #expect(queue.sent() == 0)
  }

  /// What is being sent may be dropped meanwhile: then what follows isn't taken for it.
  @Test func droppedWhileSent() throws {
    let queue = try PushQueue(mostBytes: 20)
    _ = queue.put([1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    #expect(queue.wait()[0] == 1)
    _ = queue.put([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    #expect(queue.put([3, 3, 3, 3, 3, 3, 3, 3, 3, 3]))
    // It has arrived all the same: none is missing.
    #expect(queue.sent() == 0)
    #expect(queue.wait()[0] == 2)
    #expect(queue.refused() == 1)
    #expect(queue.wait()[0] == 3)
    // One larger than all is kept, alone.
    #expect(queue.put([UInt8](repeating: 4, count: 50)))
    #expect(queue.wait().count == 50)
  }

  @Test func endpoints() throws {
    let plain = try #require(OTLPEndpoint("http://collector"))
    #expect((plain.host, plain.port, plain.path) == ("collector", "4318", "/v1/metrics"))
    #expect(!plain.encrypts)
    let full = try #require(OTLPEndpoint("https://[::1]:44/a/b"))
    #expect((full.host, full.port, full.path) == ("::1", "44", "/a/b"))
    #expect(full.encrypts && OTLPEndpoint("https://c/")?.port == "443")
    for wrong in [
      "collector:4318", "ftp://c", "http://", "http://c:0", "http://c:x", "http://c:99999",
      "http://u@c", "http://c/a b", "http://c\r\nX: y/",
    ] {
      #expect(OTLPEndpoint(wrong) == nil, "\(wrong)")
    }
  }
}
