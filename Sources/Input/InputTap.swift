/// Sees all that a model is given, as it is given it.
public protocol InputTap<Observation>: AnyObject {
  associatedtype Observation: Codable & Sendable

  func record(_ bytes: RawSpan, cpu: Int)
  func scanned(_ bytes: RawSpan)
  func observed(_ observation: Observation)
}
