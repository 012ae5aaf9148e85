/// What a run itself takes.
public struct OwnUsage: Codable, Sendable, Equatable {
  /// CPU time, and that of task scans in it.
  public var cpuNs: UInt64
  public var scanNs: UInt64
  public var residentBytes: UInt64
  /// Names that could not be looked up within a deadline.
  public var namesLeftOut: UInt64

  public init(
    cpuNs: UInt64, scanNs: UInt64 = 0, residentBytes: UInt64, namesLeftOut: UInt64 = 0
  ) {
    (self.cpuNs, self.scanNs) = (cpuNs, scanNs)
    (self.residentBytes, self.namesLeftOut) = (residentBytes, namesLeftOut)
  }
}
