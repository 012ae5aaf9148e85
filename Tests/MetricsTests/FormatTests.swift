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
