public import FoundationEssentials

/// A compiled BPF object (ELF), carried in the binary as text by the `CompileBPF` plugin.
public struct EmbeddedObject: Sendable {
  /// The object's name: the source's, without `.bpf.c`.
  public let name: String
  private let base64: StaticString

  public init(name: String, base64: StaticString) {
    self.name = name
    self.base64 = base64
  }

  /// The ELF file.
  public var bytes: Data {
    let text = base64.description
    guard let data = Data(base64Encoded: text) else {
      preconditionFailure("\(name).bpf.c was embedded wrongly")
    }
    return data
  }
}

/// The objects of a target: the `CompileBPF` plugin adds one constant per `.bpf.c`.
public enum BPFObjects {}
