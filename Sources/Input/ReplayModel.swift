/// A model that is fed from a recording.
public protocol ReplayModel: Model, ~Copyable {
  /// What is wrong with the input, which then is no longer taken; nil where nothing is.
  var fault: String? { get }
  /// Whether all that was wanted has been reported.
  var isOver: Bool { get }

  /// The input is over, and maybe cut off: the report of the whole run is due, if anything was
  /// reported.
  mutating func finish()
}

package enum ReplayRefusal {
  package static func interval(recorded: UInt64) -> String {
    "--interval must be a multiple of the recorded interval, \(recorded / 1_000_000)ms"
  }
}
