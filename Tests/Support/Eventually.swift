import Glibc

/// Waits until `condition` holds; false if it doesn't within the time.
public func eventually(seconds: Double = 10, _ condition: () -> Bool) -> Bool {
  for _ in 0..<Int(seconds * 100) {
    if condition() { return true }
    usleep(10_000)
  }
  return condition()
}
