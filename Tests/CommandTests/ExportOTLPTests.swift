import Foundation
import Support
import Testing

/// What a collector gets, read with protoc.
@Suite(.serialized)
struct ExportOTLPTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A receiver: keeps bodies and heads, in order; fails while there is a file "fail", with what is in it.
  private static let receiver = """
    import http.server, os, sys
    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 200
            if os.path.exists("fail"):
                status = int(open("fail").read())
            if status == 200:
                number = len([name for name in os.listdir(".") if name.startswith("body")])
                open("head", "w").write(self.path + "\\n" + str(self.headers))
                open("new", "wb").write(body)
                os.rename("new", f"body{number:04}")
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver)
    os.chdir(sys.argv[1])
    print(server.server_port, flush=True)
    server.serve_forever()
    """

  private func receive(port: String = "0") throws -> (command: Command, port: String) {
    let command = try Command("python3", ["-c", Self.receiver, scratch.path, port])
    try command.read(seconds: 20) { $0.contains("\n") }
    return (command, String(command.text.prefix { $0.isNumber }))
  }

  private var bodies: [String] { scratch.names.filter { $0.hasPrefix("body") } }

  private func decoded(_ name: String) throws -> String {
    let protos = packageRoot.appending(path: "Sources/ExportProtos").path
    let script =
      "protoc --proto_path='\(protos)' --decode=opentelemetry.ExportMetricsServiceRequest otlp.proto <'\(scratch.file(name))'"
    let ended = try Command("sh", ["-c", script]).wait()
    try #require(ended.status == 0, "\(ended)")
    return ended.output
  }

  /// The points of a metric without attributes.
  private func value(_ metric: String, in text: String) -> Double? {
    let parts = text.split(separator: "metrics {").filter {
      $0.contains("name: \"\(metric)\"")
    }
    return parts.first?.firstMatch(of: /as_double: ([0-9.e+-]+)/).flatMap { Double($0.output.1) }
  }

  /// The same figures as are served, from the same instant.
  @Test func figures() throws {
    let (receiver, port) = try receive()
    let load = try Load("spin", "3")
    let run = try ExportedRun(
      ["--otlp", "http://127.0.0.1:\(port)", "--also", "cloneprof"], interval: "2s",
      environment: ["OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x%3d,a=b"])
    #expect(eventually(seconds: 20) { bodies.count >= 3 })
    var served: [String: Double] = [:]
    var text = ""
    let isSame = eventually(seconds: 20) {
      served = (try? run.samples()) ?? [:]
      text = bodies.last.flatMap { try? decoded($0) } ?? ""
      return value("sonde_interval_seconds", in: text) == served["sonde_interval_seconds_total"]
    }
    #expect(isSame)
    for metric in [
      "sonde_switches", "sonde_preemptions", "sonde_loss_delivered",
      "sonde_tasks_runnable_task_seconds", "sonde_clone_children",
    ] {
      let (pushed, shown) = (value(metric, in: text), served[metric + "_total"])
      #expect(pushed != nil && pushed == shown, "\(metric)")
    }
    #expect(value("sonde_load1", in: text) == served["sonde_load1"])
    // Of the histogram: all of it is in its buckets.
    let histogram = try #require(
      text.split(separator: "metrics {").first {
        $0.contains("name: \"sonde_run_queue_latency_seconds\"")
      })
    let counts = histogram.matches(of: /bucket_counts: ([0-9]+)/).compactMap { Int($0.output.1) }
    let zero = histogram.firstMatch(of: /zero_count: ([0-9]+)/).flatMap { Int($0.output.1) } ?? 0
    #expect(Double(counts.reduce(zero, +)) == served["sonde_run_queue_latency_seconds_count"])
    // Buckets of schema 3 begin above 2^(offset/8) s: no wait is longer than what is behind the last one.
    let offset = try #require(
      histogram.firstMatch(of: /offset: (-?[0-9]+)/).flatMap { Int($0.output.1) })
    let longest = exp2(Double(offset + counts.count) / 8)
    #expect(longest > 1e-4 && longest < 60, "\(longest)")
    #expect(histogram.contains("scale: 3") && histogram.contains("exemplars {"))
    #expect(histogram.contains("AGGREGATION_TEMPORALITY_CUMULATIVE"))
    for attribute in ["service.name", "service.version", "host.name", "os.type"] {
      #expect(text.contains("key: \"\(attribute)\""))
    }
    // Nothing that the schema doesn't know.
    #expect(text.firstMatch(of: /\n *[0-9]+:/) == nil)
    let head = try String(contentsOfFile: scratch.file("head"), encoding: .utf8)
    #expect(head.hasPrefix("/v1/metrics\n") && head.contains("authorization: Bearer x=\n"))
    #expect(head.contains("Content-Type: application/x-protobuf\n"))
    _ = load.stop()
    try run.stop()
    kill(receiver.pid, SIGKILL)
    _ = try? receiver.wait(seconds: 5)
  }

  /// A collector that can't take them for a while, and one that isn't there, get all of it later.
  @Test func outage() throws {
    let (first, port) = try receive()
    let run = try ExportedRun(["--otlp", "http://127.0.0.1:\(port)"])
    #expect(eventually(seconds: 20) { bodies.count >= 2 })
    _ = try scratch.write("503", to: "fail")
    usleep(1_000_000)
    let before = bodies.count
    kill(first.pid, SIGKILL)
    _ = try? first.wait(seconds: 5)
    try FileManager.default.removeItem(atPath: scratch.file("fail"))
    usleep(1_000_000)
    let (second, _) = try receive(port: port)
    #expect(eventually(seconds: 30) { bodies.count >= before + 6 })
    // In order, with no interval left out.
    let times = try bodies.map { try value("sonde_interval_seconds", in: decoded($0)) ?? -1 }
    for (one, two) in zip(times, times.dropFirst()) {
      #expect(abs(two - one - 0.5) < 1e-3, "\(times)")
    }
    let ended = try run.stop()
    #expect(
      ended.errors.contains("retrying") && ended.errors.contains("sending works again"), "\(ended)")
    kill(second.pid, SIGKILL)
    _ = try? second.wait(seconds: 5)
  }
}
