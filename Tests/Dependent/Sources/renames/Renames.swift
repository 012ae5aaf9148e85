import BPF
import Glibc
import RenameEvents

/// Renames itself and prints that it saw that.
@main
struct Renames {
  static func main() throws {
    let object = try OpenObject(BPFObjects.renames).load()
    var events = try RingBuffer(object.map("events"))
    let link = try object.program("renamed").attach()
    pthread_setname_np(pthread_self(), "renamed")
    var renames = 0
    events.drain { record in
      if record.unsafeLoad(as: rename_event.self).pid == getpid() { renames += 1 }
    }
    link.detach()
    print("renames of this process:", renames)
  }
}
