import BPF
import Testing

/// What an error says of libbpf's and the verifier's log.
@Suite(.serialized)
struct LogTests {
  private static func refusal(of object: EmbeddedObject) -> BPFError? {
    do throws(BPFError) {
      _ = try OpenObject(object).load()
      return nil
    } catch {
      return error
    }
  }

  @Test func aLongLogIsKeptWhole() throws {
    let error = try #require(Self.refusal(of: BPFObjects.refused_late))
    let log = try #require(error.log)
    #expect(log.utf8.count > 16384)
    #expect(log.contains("processed "))
    #expect(error.cause?.contains("invalid mem access") == true)
  }

  @Test func loadsAtOnceHaveEachItsOwnLog() async {
    let programs = [
      (object: BPFObjects.refused, name: "renamed"),
      (object: BPFObjects.refused_late, name: "follows_a_number"),
    ]
    await withTaskGroup { group in
      for index in 0..<40 {
        group.addTask {
          let (own, other) = (programs[index % 2], programs[(index + 1) % 2])
          let log = Self.refusal(of: own.object)?.log ?? ""
          #expect(log.contains("prog '\(own.name)'") && !log.contains("prog '\(other.name)'"))
          #expect(log.split(separator: "\n").count { $0.hasPrefix("processed ") } == 1)
        }
      }
    }
  }
}
