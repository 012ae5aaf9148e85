import Glibc

/// Shades of a heat map, on a terminal and on a page.
package enum HeatMapShade {
  /// Logarithmic: a single long wait is to be seen beside a million short ones. Nil for none.
  package static func of(_ count: UInt64, most: UInt64, shades: Int) -> Int? {
    guard count > 0 else { return nil }
    let share = log2(Double(count) + 1) / log2(Double(most) + 1)
    return min(shades - 1, Int(share * Double(shades - 1) + 0.5))
  }
}
