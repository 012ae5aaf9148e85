import Glibc
import BPF
import Session
import LoadModel
import Proc
import Reports
import Symbols

/// Finds on this machine the names that the model asks for.
struct LookupResolver {
  private var servers = FileServers()
  /// Read when first needed: they take a tenth of a second and 15 MB. Nil where they may not be seen.
  private lazy var symbols: KernelSymbols? = try? KernelSymbols.current()

  mutating func answer(_ lookup: Lookup, _ probes: borrowing SchedProbes) -> Answer {
    var answer = Answer(lookup)
    switch lookup {
    case .process(let tgid):
      answer.text = (try? ProcessStatus.of(pid: Int32(bitPattern: tgid)))?.name
    case .cgroup(_, let tgid):
      answer.text = Cgroup.path(ofProcess: Int32(bitPattern: tgid))
    case .user(let tgid):
      var status = stat()
      guard unsafe stat("/proc/\(tgid)", &status) == 0 else { break }
      answer.userID = status.st_uid
      if let entry = unsafe getpwuid(status.st_uid) {
        answer.text = unsafe String(cString: entry.pointee.pw_name)
      }
    case .stack(let stack, let frames):
      let frames = frames.isEmpty ? probes.frames(ofStack: stack) : frames
      answer.functions = symbols.map { symbols in frames.compactMap { symbols.name(of: $0) } }
    case .fileSystem(let tid):
      answer.text = SyscallFile.fileSystem(ofTask: Int32(bitPattern: tid))
    case .fileServer(let tid, let kind):
      let tid = Int32(bitPattern: tid)
      let now = Clocks.monotonic
      let server =
        kind == .journal
        ? servers.journal(ofTask: tid, now: now)
        : servers.server(
          ofTask: tid, ServedFileSystem(rawValue: kind.rawValue) ?? .unknown, now: now)
      answer.server = server.map(FileServerName.init)
    case .waitChannel(let tid):
      answer.text = WaitChannel.of(task: Int32(bitPattern: tid))
    case .quota(let tgid):
      guard let mounts = try? Mount.all(),
        let quota = CPUQuota.of(process: Int32(bitPattern: tgid), mounts)
      else { break }
      answer.quota = QuotaCounters(
        path: quota.path, periods: quota.periods, throttled: quota.throttled)
    case .limit(let resource, let tgid):
      guard let mounts = try? Mount.all(),
        let limit = CgroupLimit.of(
          resource == .io ? .io : .memory, process: Int32(bitPattern: tgid), mounts)
      else { break }
      answer.limit = LimitSetting(
        path: limit.path, file: limit.file, setting: limit.setting, device: limit.device,
        used: limit.used)
    case .affinity(let tgid):
      guard let list = try? ProcessStatus.of(pid: Int32(bitPattern: tgid)).allowedCPUs,
        let cpus = Proc.Host.cpuList(parsing: list)
      else { break }
      (answer.text, answer.count) = (list, cpus.count)
    }
    return answer
  }
}

extension FileServerName {
  fileprivate init(_ server: FileServer) {
    let kind: LockKind
    switch server.kind {
    case .fuse: kind = .fuse
    case .remote: kind = .remote
    case .journal: kind = .journal
    }
    self.init(
      kind: kind, source: server.source, point: server.point, device: server.device,
      task: server.task.map { UInt32(bitPattern: $0) })
  }
}
