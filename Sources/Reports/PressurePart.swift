/// Pressure stall information (`/proc/pressure`), shares of the interval, 0 to 1; nil where the kernel
/// has none.
public struct PressurePart: Codable, Sendable, Equatable {
  public var cpu: Shares?
  public var io: Shares?
  public var memory: Shares?

  /// For how long some task waited, and all that weren't idle.
  public struct Shares: Codable, Sendable, Equatable {
    public var some: Double
    public var full: Double

    public init(some: Double, full: Double) {
      self.some = some
      self.full = full
    }
  }

  public init(cpu: Shares?, io: Shares?, memory: Shares?) {
    self.cpu = cpu
    self.io = io
    self.memory = memory
  }
}
