import BPF
import Glibc
import RenameEvents

/// Renames itself and prints that it saw that; fails where it did not.
@main
struct Renames {
  static func main() throws {
    let object = try OpenObject(BPFObjects.renames).load()
    var events = try RingBuffer(object.map("events"))
    let link = try object.program("renamed").attach()
    let name = open("/proc/self/comm", O_WRONLY)
    write(name, "renamed", 7)
    close(name)
    var renames = 0
    events.drain { record in
      if record.unsafeLoad(as: rename_event.self).pid == getpid() { renames += 1 }
    }
    link.detach()
    print("renames of this process:", renames)
    exit(renames == 1 ? 0 : 1)
  }
}
