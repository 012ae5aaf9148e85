import BPF
import Glibc

/// Prints every program that is started, for as many seconds as it is told.
@main
struct Execs {
  static func main() throws {
    let object = try OpenObject(BPFObjects.execs).load()
    var rings = RingBuffers(try object.map("rings"))
    try rings.add(cpus: Array(0..<sysconf(Int32(_SC_NPROCESSORS_CONF))), size: 64 << 10)
    let link = try object.program("exec").attach()
    print("tracing")
    fflush(nil)
    for _ in 0..<(CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10) * 10 {
      usleep(100_000)
      rings.drain { event, cpu in
        let pid = unsafe event.unsafeLoad(as: UInt32.self)
        let comm = unsafe event.extracting(4..<20).withUnsafeBytes {
          unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        print(pid, comm.debugDescription, "on CPU", cpu)
      }
      fflush(nil)
    }
    link.detach()
  }
}
