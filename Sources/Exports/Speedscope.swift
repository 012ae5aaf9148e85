import Faces
import FoundationEssentials

/// A profile as speedscope.app reads it: a profile of its own for each of the times.
public struct Speedscope: Encodable {
  private let schema = "https://www.speedscope.app/file-format-schema.json"
  private let exporter = "sonde"
  private let name: String
  private let shared: Shared
  private let profiles: [Profile]

  private struct Shared: Encodable { let frames: [Frame] }
  private struct Frame: Encodable { let name: String }

  private struct Profile: Encodable {
    let type = "sampled"
    let name: String
    let unit: String
    let startValue: UInt64 = 0
    let endValue: UInt64
    /// Outermost first: places in the list of frames.
    let samples: [[Int]]
    let weights: [UInt64]
  }

  private enum CodingKeys: String, CodingKey {
    case schema = "$schema"
    case exporter, name, shared, profiles
  }

  /// - Parameter name: of the tool.
  public init(_ profile: StackProfile, name: String) {
    var frames: [Frame] = []
    var places: [String: Int] = [:]
    let stacks = profile.samples.map { sample in
      sample.frames.reversed().map { frame -> Int in
        if let known = places[frame] { return known }
        places[frame] = frames.count
        frames.append(Frame(name: escaped(frame)))
        return frames.count - 1
      }
    }
    self.name = "\(name) \(profile.start)"
    profiles = profile.types.indices.compactMap { index in
      let type = profile.types[index]
      let used = profile.samples.indices.filter { profile.samples[$0].values[index] > 0 }
      guard type.unit == "nanoseconds", index == profile.mainType || !used.isEmpty else {
        return nil
      }
      let weights = used.map { profile.samples[$0].values[index] }
      return Profile(
        name: type.name, unit: type.unit, endValue: weights.reduce(0, &+),
        samples: used.map { stacks[$0] }, weights: weights)
    }
    shared = Shared(frames: frames)
  }
}
