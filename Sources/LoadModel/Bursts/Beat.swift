import Glibc

/// How bursts at regular times and the kernel's load samples meet: for a while every sample, or every other one,
/// finds a burst, and then for long none does. Times in ns.
///
/// After `samplesPerHit` samples, some whole number of bursts have been and nearly as much time has passed: what
/// is left is the drift.
package struct Beat: Equatable {
  /// From one burst to the next, and how long each is.
  package let period: Double
  package let length: Double
  /// How many tasks are active in a burst, on average.
  package let tasks: Double
  /// From one load sample to the next.
  package let samplePeriod: Double
  /// While they meet, one of so many samples finds a burst.
  package let samplesPerHit: Int
  /// How much later in the burst each of these finds it than the one before; negative for earlier.
  package let drift: Double

  /// A load average over a minute forgets what comes more rarely.
  private static let mostSamplesPerHit = 12

  /// - Returns: nil where samples and bursts meet at random, as far as a load average shows.
  package init?(period: Double, length: Double, tasks: Double, samplePeriod: Double) {
    guard period > 0, length > 0, length < period, tasks > 0, samplePeriod > 0 else { return nil }
    func drift(_ samples: Int) -> Double? {
      let time = Double(samples) * samplePeriod
      let bursts = (time / period).rounded()
      return bursts >= 1 ? time - bursts * period : nil
    }
    // Were bursts longer, several would be met at a time, and samples would tell the truth.
    let found = (1...Self.mostSamplesPerHit).first { count in
      drift(count).map { 2 * abs($0) <= length && length * Double(count) < period } ?? false
    }
    guard let count = found, let rest = drift(count) else { return nil }
    (self.period, self.length, self.tasks) = (period, length, tasks)
    (self.samplePeriod, samplesPerHit, self.drift) = (samplePeriod, count, rest)
  }

  private var hitPeriod: Double { Double(samplesPerHit) * samplePeriod }

  /// How many samples find a burst each time they meet; the greatest finite number where that never ends.
  package var hits: Double { drift == 0 ? .greatestFiniteMagnitude : max(1, length / abs(drift)) }
  /// How long that lasts.
  package var lasts: Double { hits * hitPeriod }
  /// From one time that they meet to the next.
  package var every: Double {
    drift == 0 ? .greatestFiniteMagnitude : period * samplePeriod / abs(drift)
  }

  /// What the bursts are worth: tasks active on average.
  package var mean: Double { tasks * length / period }

  /// What they add to load1 at the end of such a time.
  package var peak: Double {
    let left = KernelLoad.left[0]
    var leftOfHit = 1.0
    for _ in 0..<samplesPerHit { leftOfHit *= left }
    // After an hour, nothing of before is left.
    let leftOfAll = pow(leftOfHit, min(hits, 1000))
    return tasks * (1 - left) * (1 - leftOfAll) / (1 - leftOfHit)
  }

  /// When samples meet bursts.
  package struct Meeting: Equatable {
    /// The first sample that finds one, and the last.
    package var begins: Double
    package var ends: Double
    /// Whether it has begun by then.
    package var isNow: Bool
  }

  /// - Parameters:
  ///   - burst: when one of the bursts began or begins.
  ///   - sample: the next load sample.
  /// - Returns: nil where they will never meet.
  package func meeting(burst: Double, sample: Double) -> Meeting? {
    var next: Meeting?
    for index in 0..<samplesPerHit {
      let first = sample + Double(index) * samplePeriod
      // How far into the time between two bursts that sample is.
      var phase = (first - burst).truncatingRemainder(dividingBy: period)
      if phase < 0 { phase += period }
      let found = meeting(first: first, phase: phase)
      if let found, next.map({ found.begins < $0.begins }) ?? true { next = found }
    }
    return next
  }

  /// For every ``samplesPerHit``-th sample, from the one at `first` on.
  private func meeting(first: Double, phase: Double) -> Meeting? {
    let isNow = phase < length
    guard drift != 0 else {
      return isNow ? Meeting(begins: first, ends: .greatestFiniteMagnitude, isNow: true) : nil
    }
    var skipped = 0.0
    var entered = phase
    if !isNow {
      // Forwards through the pause and into the next burst, or backwards to this one's end.
      skipped =
        drift > 0
        ? ((period - phase) / drift).rounded(.up)
        : ((phase - length) / -drift).rounded(.down) + 1
      entered = drift > 0 ? phase + skipped * drift - period : phase + skipped * drift
    }
    let more =
      drift > 0
      ? ((length - entered) / drift).rounded(.up) - 1 : (entered / -drift).rounded(.down)
    let begins = first + skipped * hitPeriod
    return Meeting(
      begins: begins, ends: begins + max(0, more) * hitPeriod, isNow: isNow)
  }
}
