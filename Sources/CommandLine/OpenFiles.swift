import Glibc

/// Refuses to run with so few descriptors that a probe would fail in the midst of attaching.
///
/// - Parameters:
///   - tracers: how many there are in the process.
///   - besides: how many more it needs than their probes do.
/// - Throws: `Failure` that names the limit and how many are needed.
public func checkOpenFiles(tracers: UInt64 = 1, besides: UInt64 = 0) throws(Failure) {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  // Programs, links and maps of either tool, then a ring and the perf events of each CPU.
  let probes = 64 + 3 * UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))))
  let least = tracers * probes + besides
  guard limit.rlim_cur < least else { return }
  throw Failure(
    "RLIMIT_NOFILE (ulimit -n) is \(limit.rlim_cur), but at least \(least) open files are needed")
}
