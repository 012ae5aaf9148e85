import Tasks
import Testing

/// A task's name, from the kernel's bytes and from text.
struct CommTests {
  private func comm(_ bytes: [UInt8], at offset: Int = 0) -> Comm {
    let padded = bytes + [UInt8](repeating: 0xaa, count: max(0, offset + 16 - bytes.count))
    return unsafe Comm(padded.span.bytes, at: offset)
  }

  /// Names of every length, with rubbish behind the NUL.
  @Test(arguments: 0...15) func everyLength(count: Int) {
    let text = String("0123456789abcde".prefix(count))
    let fromBytes = comm(Array(text.utf8) + [0])
    #expect(fromBytes == Comm(text) && fromBytes.text == text)
    #expect(fromBytes.hashValue == Comm(text).hashValue)
  }

  /// The kernel always has a NUL; nothing breaks without one.
  @Test func sixteenBytes() {
    #expect(comm(Array("0123456789abcdef".utf8)).text == "0123456789abcdef")
  }

  @Test func bytesThatAreNoText() {
    let bytes: [UInt8] = [0xff, 0x01, 0x80, 0x81, 0x01, 0x7f, 0x80, 0x01, 0x80, 0xff]
    #expect(comm(bytes + [0]).bytes == bytes)
  }

  @Test func atAnyOffset() {
    #expect(comm([9, 9, 9] + Array("httpd".utf8) + [0], at: 3) == Comm("httpd"))
  }

  /// As much of a name as the kernel keeps.
  @Test func textThatIsTooLong() {
    #expect(Comm("0123456789abcdefgh").text == "0123456789abcde")
    #expect(Comm("a\0b") == Comm("a") && Comm("") == Comm())
  }
}
