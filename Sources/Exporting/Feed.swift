public import Metrics
public import Pages
public import Reports
import Session
import Synchronization

/// A tool's reports as they come: its metrics, and the last ten minutes.
public final class Feed<Metrics: ReportMetrics, Page: ReportPage>: FeedContent
where Page.Report == Metrics.Report {
  public typealias Report = Metrics.Report

  public let name: String
  private let state: Mutex<State>
  private let mostIntervals: Int
  private let finish: @Sendable (_ whole: inout Report, _ intervals: [Report]) -> Void

  private struct State {
    var metrics: Metrics
    var intervals: [Report] = []
    var at: UInt64 = 0
    /// As of then, once somebody has asked for them.
    var page: [UInt8]?
    var json: [UInt8]?
  }

  /// - Parameters:
  ///   - name: of the tool.
  ///   - interval: how long one is, ns.
  ///   - finish: adds to the sum of intervals what a merge leaves out.
  public init(
    name: String, interval: UInt64, _ metrics: Metrics,
    finish: @escaping @Sendable (_ whole: inout Report, _ intervals: [Report]) -> Void
  ) {
    self.name = name
    self.finish = finish
    mostIntervals = max(
      1, min(Self.mostIntervals, Int(clamping: Self.pageLength / interval)))
    state = Mutex(State(metrics: metrics))
  }

  /// How much time the page covers, ns.
  private static var pageLength: UInt64 { 600_000_000_000 }
  private static var mostIntervals: Int { 600 }

  /// Takes an interval's report.
  public func take(_ report: Report, kept: Report) {
    let now = Clocks.monotonic
    state.withLock { state in
      state.metrics.take(report, at: now)
      state.intervals.append(kept)
      if state.intervals.count > mostIntervals {
        state.intervals.removeFirst(state.intervals.count - mostIntervals)
      }
      (state.at, state.page, state.json) = (now, nil, nil)
    }
  }

  public var at: UInt64 { state.withLock { $0.at } }
  public var families: [MetricFamily] { state.withLock { $0.metrics }.families }
  public var host: HostPart? { state.withLock { $0.intervals.last?.host } }

  public func page() -> [UInt8]? {
    let (intervals, at, known) = state.withLock { ($0.intervals, $0.at, $0.page) }
    if let known { return known }
    guard let whole = whole(intervals) else { return nil }
    var page = Page()
    for interval in intervals { page.add(interval) }
    let body = Array(page.html(whole).utf8)
    state.withLock { if $0.at == at { $0.page = body } }
    return body
  }

  public func json() -> [UInt8]? {
    let (intervals, at, known) = state.withLock { ($0.intervals, $0.at, $0.json) }
    if let known { return known }
    guard let whole = whole(intervals), let line = try? SnapshotJSON.line(whole) else {
      return nil
    }
    let body = Array(line) + [UInt8(ascii: "\n")]
    state.withLock { if $0.at == at { $0.json = body } }
    return body
  }

  private func whole(_ intervals: [Report]) -> Report? {
    guard
      var whole = intervals.dropFirst().reduce(
        intervals.first, { sum, next in (try? sum?.merged(with: next)) ?? sum })
    else { return nil }
    finish(&whole, intervals)
    whole.final = true
    return whole
  }
}

/// What an ``Exporter`` serves of a ``Feed``.
public protocol FeedContent: Sendable {
  var name: String { get }
  /// When the last interval came, CLOCK_MONOTONIC, ns; 0 before the first.
  var at: UInt64 { get }
  var families: [MetricFamily] { get }
  var host: HostPart? { get }
  /// The last ten minutes; nil before the first interval.
  func page() -> [UInt8]?
  func json() -> [UInt8]?
}
