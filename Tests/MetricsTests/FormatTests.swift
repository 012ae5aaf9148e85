import Metrics
import Testing

/// What a client gets by what it accepts.
struct FormatTests {
  @Test func prometheus() {
    #expect(
      MetricsFormat.best(
        of:
          "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
      ) == .protobuf)
    #expect(
      MetricsFormat.best(
        of: "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
        == .open)
  }

  /// A quote with a combining mark is one character to Swift, and two to everybody else.
  @Test func labels() {
    let family = MetricFamily(
      "a", .counter, "b \\ \n", [MetricSample(1.5, ("c", "d\"\u{301}\\\u{301}\ne"))])
    #expect(
      MetricsText.classic([family]) == """
        # HELP a_total b \\\\ \\n
        # TYPE a_total counter
        a_total{c="d\\\"\u{301}\\\\\u{301}\\ne"} 1.5

        """)
    #expect(MetricsText.open([family]).contains("# TYPE a counter\na_total{"))
  }

  @Test func others() {
    #expect(MetricsFormat.best(of: "") == .classic)
    #expect(MetricsFormat.best(of: "*/*") == .classic)
    #expect(MetricsFormat.best(of: "text/html, application/xhtml+xml;q=0.9, */*;q=0.8") == .classic)
    // Another message, another encoding, another version.
    #expect(
      MetricsFormat.best(of: "application/vnd.google.protobuf;proto=x;encoding=delimited")
        == .classic)
    #expect(
      MetricsFormat.best(
        of: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text")
        == .classic)
    #expect(MetricsFormat.best(of: "application/openmetrics-text;version=2.0.0") == .classic)
    #expect(MetricsFormat.best(of: "application/openmetrics-text;q=0, text/plain") == .classic)
    #expect(MetricsFormat.best(of: ";;;q=,,=") == .classic)
  }
}
