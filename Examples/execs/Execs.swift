import BPF
import ExecEvents
import Glibc

/// Prints every program that is executed, for as many seconds as the argument says.
@main
struct Execs {
  static func main() throws {
    let seconds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10
    let object = try OpenObject(BPFObjects.execs).load()
    var events = try RingBuffer(object.map("events"))
    let link = try object.program("exec").attach()
    print("tracing")
    fflush(nil)
    for _ in 0..<seconds * 10 {
      usleep(100_000)
      events.drain { record in
        let event = unsafe record.unsafeLoad(as: exec_event.self)
        let comm = unsafe withUnsafeBytes(of: event.comm) {
          unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        print(event.pid, comm.debugDescription, "on CPU", event.cpu)
      }
      fflush(nil)
    }
    link.detach()
  }
}
