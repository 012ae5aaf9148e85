import CommandLine
import Faces
import Reports

extension SnapshotSink<CloneSnapshot> {
  /// Where this tool's snapshots go.
  init(_ options: OutputOptions, live: Bool = true) throws {
    try self.init(options, live: live) { snapshot, page in
      CloneText(columns: page.columns, color: page.color)
        .block(snapshot, live: page.live, rows: page.rows)
    }
  }
}
