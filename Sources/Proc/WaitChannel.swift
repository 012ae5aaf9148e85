/// The kernel function in which a task waits (`/proc/TID/wchan`: man proc_pid_wchan(5)).
public enum WaitChannel {
  /// Nil where the task has gone, waits in none, or may not be looked at.
  public static func of(task tid: Int32) -> String? {
    Lookups.shared.value { lookUp(tid) }
  }

  private static func lookUp(_ tid: Int32) -> String? {
    guard let name = (try? contents(of: "/proc/\(tid)/wchan"))?.lines.first, !name.isEmpty,
      name != "0"
    else { return nil }
    return String(name)
  }
}
