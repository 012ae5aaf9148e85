import Glibc

/// Waits until `condition` holds; false if it doesn't within the time (`Need.patience`).
public func eventually(seconds: Double = 10, _ condition: () -> Bool) -> Bool {
  for _ in 0..<Int(seconds * Need.patience * 100) {
    if condition() { return true }
    usleep(10_000)
  }
  return condition()
}
