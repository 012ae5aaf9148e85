import CloneModel
import Input
import LoadModel

// libFuzzer on the entries of a recording, as whoever writes such a file may have them: whatever they
// are, nothing stops the program.

/// `compiler-rt/lib/fuzzer/FuzzerInterface.h`
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argc: UnsafeMutablePointer<Int32>,
  _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> Int32
) -> Int32

private func replay<M: ReplayModel & ~Copyable>(_ bytes: [UInt8], into model: consuming M) {
  var model = model
  try? KeptInput<M.Observation>(bytes: bytes).replay(into: &model, begins: true) { model in
    while model.takeReport() != nil {}
  }
  model.finish()
  while model.takeReport() != nil {}
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
_ = unsafe runDriver(&count, &arguments) { data, count in
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  replay(bytes, into: LoadReplay(LoadReplay.Options()))
  replay(bytes, into: CloneReplay(CloneReplay.Options()))
  return 0
}
