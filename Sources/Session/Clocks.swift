import Glibc

/// CLOCK_MONOTONIC and CLOCK_REALTIME, ns.
public enum Clocks {
  public static var monotonic: UInt64 { read(CLOCK_MONOTONIC) }
  public static var wall: UInt64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
