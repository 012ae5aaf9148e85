public import Reports

/// What a whole run spent where, by stacks: what profilers' viewers open.
public struct StackProfile: Sendable {
  public struct ValueType: Sendable, Equatable {
    /// Without spaces: viewers take it as an option.
    public var name: String
    public var unit: String
  }

  public struct Sample: Sendable {
    /// Innermost first. Not escaped.
    public var frames: [String]
    /// As the profile's types.
    public var values: [UInt64]
  }

  public var types: [ValueType]
  public var samples: [Sample]
  /// The type that is shown unless another is asked for.
  public var mainType: Int
  /// Wall clock, ISO 8601, UTC.
  public var start: String
  public var ns: UInt64
}

/// A report that a profile can be made of.
public protocol ProfiledSnapshot: Snapshot {
  var profile: StackProfile { get }
}

extension LoadSnapshot: ProfiledSnapshot {
  /// Sleeps in D by the kernel's stacks; and what processes waited for CPUs, with whoever had those as the
  /// innermost frame.
  public var profile: StackProfile {
    var samples = foldedStacks.map { stack in
      StackProfile.Sample(frames: stack.withComm, values: [stack.count, stack.ns, 0])
    }
    for wait in cpuWaits ?? [] {
      for culprit in wait.culprits {
        samples.append(
          .init(
            frames: [culprit.label, "waiting for a CPU", wait.label], values: [0, 0, culprit.ns]))
      }
    }
    return StackProfile(
      types: [
        .init(name: "sleeps", unit: "count"), .init(name: "uninterruptible", unit: "nanoseconds"),
        .init(name: "run_queue", unit: "nanoseconds"),
      ], samples: samples, mainType: 1, start: start, ns: intervalNs)
  }
}

extension CloneSnapshot: ProfiledSnapshot {
  /// Clones by their callers' stacks.
  public var profile: StackProfile {
    StackProfile(
      types: [
        .init(name: "clones", unit: "count"), .init(name: "clone", unit: "nanoseconds"),
      ],
      samples: foldedStacks.map { .init(frames: $0.withComm, values: [$0.count, $0.ns]) },
      mainType: 1, start: start, ns: intervalNs)
  }
}

extension StackPart {
  /// The task's name is the outermost frame, as flame graphs have it.
  fileprivate var withComm: [String] { (frames.isEmpty ? ["[unknown]"] : frames) + [comm] }
}
