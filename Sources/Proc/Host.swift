import Glibc

/// The machine: its name, its kernel and its CPUs.
public struct Host: Sendable, Hashable {
  /// The node name (man uname(2)).
  public let hostname: String
  /// The kernel's release, such as "6.1.0-18-amd64" (man uname(2)).
  public let kernelRelease: String
  /// CPUs that could ever be there: those the kernel keeps per-CPU data for
  /// (`/sys/devices/system/cpu/possible`: Documentation/admin-guide/cputopology.rst; so are the
  /// next two).
  public let possibleCPUs: [Int]
  /// CPUs that are there.
  public let presentCPUs: [Int]
  /// CPUs that run tasks.
  public let onlineCPUs: [Int]

  /// How many CPUs run tasks.
  public var onlineCPUCount: Int { onlineCPUs.count }

  public static func current() throws(ProcError) -> Host {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { throw ProcError("uname", errno: errno) }
    return Host(
      hostname: text(of: names.nodename), kernelRelease: text(of: names.release),
      possibleCPUs: try read("/sys/devices/system/cpu/possible", as: cpuList(parsing:)),
      presentCPUs: try read("/sys/devices/system/cpu/present", as: cpuList(parsing:)),
      onlineCPUs: try read("/sys/devices/system/cpu/online", as: cpuList(parsing:)))
  }

  /// Numbers in ascending order from text such as "0-3,5,7-9", or none from an empty line
  /// (`bitmap_list_string` in lib/vsprintf.c).
  package static func cpuList(parsing text: String) -> [Int]? {
    var numbers: [Int] = []
    guard let line = text.lines.first else { return numbers }
    for range in line.split(separator: ",", omittingEmptySubsequences: false) {
      let (left, right) = range.cut(at: "-") ?? (range, range)
      guard let first = Int(left), let last = Int(right), first > numbers.last ?? -1,
        first <= last
      else { return nil }
      numbers += first...last
    }
    return numbers
  }

  /// A field of `utsname`: a tuple of characters that ends with a zero.
  private static func text<Field: BitwiseCopyable>(of field: Field) -> String {
    unsafe withUnsafeBytes(of: field) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
