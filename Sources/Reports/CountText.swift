/// A count in full: "1,234,567".
public func countText(_ count: UInt64) -> String {
  var groups: [String] = []
  var rest = count
  while rest >= 1_000 {
    let group = String(rest % 1_000)
    groups.append(String(repeating: "0", count: 3 - group.count) + group)
    rest /= 1_000
  }
  return ([String(rest)] + groups.reversed()).joined(separator: ",")
}
