import Glibc

/// Refuses to run with so few descriptors that a probe would fail in the midst of attaching.
///
/// - Parameter besides: how many more the tool needs than its probes do.
/// - Throws: `Failure` that names the limit and how many are needed.
public func checkOpenFiles(besides: UInt64 = 0) throws(Failure) {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  // Programs, links and maps of either tool, then a ring and the perf events of each CPU.
  let least = besides + 64 + 3 * UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))))
  guard limit.rlim_cur < least else { return }
  throw Failure(
    "RLIMIT_NOFILE (ulimit -n) is \(limit.rlim_cur), but at least \(least) open files are needed")
}
