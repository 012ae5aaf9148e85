import CloneModel
import Input
import LoadModel

// libFuzzer's target: entries of a recording, as whoever writes such a file may have them.

/// Feeds the bytes to both tools' models. Whatever they are, nothing stops the program.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  replay(bytes, into: LoadReplay(LoadReplay.Options()))
  replay(bytes, into: CloneReplay(CloneReplay.Options()))
  return 0
}

private func replay<M: ReplayModel & ~Copyable>(_ bytes: [UInt8], into model: consuming M) {
  var model = model
  try? KeptInput<M.Observation>(bytes: bytes).replay(into: &model, begins: true) { model in
    while model.takeReport() != nil {}
  }
  model.finish()
  while model.takeReport() != nil {}
}
