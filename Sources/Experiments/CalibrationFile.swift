import FoundationEssentials
import Glibc
import Proc
public import Reports

/// Where a machine's calibration is kept: XDG Base Directory Specification, state folder.
public enum CalibrationFile {
  /// Nil where the environment names no home.
  public static var path: String? {
    func variable(_ name: String) -> String? {
      guard let value = unsafe getenv(name) else { return nil }
      let text = unsafe String(cString: value)
      // Relative paths are invalid there, by the specification.
      return text.hasPrefix("/") ? text : nil
    }
    let folder = variable("XDG_STATE_HOME") ?? variable("HOME").map { "\($0)/.local/state" }
    return folder.map { "\($0)/sonde/calibration.json" }
  }

  /// What is there for this machine; nil where there is nothing, or it is of another kernel or CPU,
  /// which `rejected` then says.
  public static func read() -> (calibration: Calibration?, rejected: String?) {
    guard let path, let data = FileManager.default.contents(atPath: path) else { return (nil, nil) }
    guard let calibration = try? JSONDecoder().decode(Calibration.self, from: data),
      calibration.schema == Calibration.schemaName, calibration.isPlausible
    else {
      return (nil, "\(path) is not a calibration file: ignored; run cloneprof demo to replace it")
    }
    let kernel = (try? Proc.Host.current())?.kernelRelease ?? ""
    let cpu = CPUModel.current()
    guard calibration.holds(kernel: kernel, cpuModel: cpu) else {
      return (
        nil,
        "\(path) was measured on Linux \(calibration.kernel), \(calibration.cpuModel): ignored; "
          + "run cloneprof demo to renew it"
      )
    }
    return (calibration, nil)
  }

  /// - Returns: the file's path.
  /// - Throws: where it can't be written.
  public static func write(_ calibration: Calibration) throws -> String? {
    guard let path else { return nil }
    let folder = String(path.prefix { _ in true }.dropLast("/calibration.json".count))
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let data = try SnapshotJSON.line(calibration) + Data("\n".utf8)
    try data.write(to: URL(filePath: path), options: .atomic)
    return path
  }
}
