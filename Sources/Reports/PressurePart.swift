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

  /// Of several intervals of one host, weighted by their lengths, ns.
  public static func mean(of intervals: [(pressure: PressurePart?, ns: UInt64)]) -> PressurePart? {
    func mean(_ path: (PressurePart) -> Shares?) -> Shares? {
      var (some, full, weight) = (0.0, 0.0, 0.0)
      for (pressure, ns) in intervals {
        guard let shares = pressure.flatMap(path) else { continue }
        some += shares.some * Double(ns)
        full += shares.full * Double(ns)
        weight += Double(ns)
      }
      return weight > 0 ? Shares(some: some / weight, full: full / weight) : nil
    }
    let all = PressurePart(cpu: mean(\.cpu), io: mean(\.io), memory: mean(\.memory))
    return all.cpu == nil && all.io == nil && all.memory == nil ? nil : all
  }
}
