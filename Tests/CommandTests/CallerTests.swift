import Foundation
import Reports
import Support
import Testing

/// Who makes processes, also in programs that were built without frame pointers.
@Suite(.serialized)
struct CallerTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// As testload's callers has them.
  enum Way: Int, CaseIterable { case fork, vfork, posixSpawn, clone3, inHandler, deep }

  private static let callers =
    ["call_once"] + (1...10).map { "caller_\($0)" } + [
      "load_callers", "main",
    ]

  /// Ten functions that use the frame pointer for something else, up to the program's beginning.
  @Test(arguments: Way.allCases) func withoutFramePointers(_ way: Way) throws {
    let (final, told, _) = try scratch.profile(
      "callers", "20", "\(way.rawValue)", "--seconds", "60")
    #expect(told["callers"] == 20)
    let stack = try #require(final.stacks.first)
    // Emulated CPUs don't have the time for each of them.
    #expect(
      final.stacks.count == 1 && (Need.inLab ? stack.count > 10 : stack.count == 20),
      "\(final.stacks)")
    let frames = stack.frames
    // The lab's programs have no symbols.
    guard !Need.inLab else {
      let own = frames.filter { $0.hasPrefix("testload+0x") }.count
      return #expect(way == .deep ? (1...3).contains(own) : own >= 13, "\(frames)")
    }
    let maker = try #require(frames.firstIndex(of: "make_and_reap"), "\(frames)")
    let above = frames[(maker + 1)...]
    switch way {
    case .fork, .vfork, .posixSpawn, .clone3:
      #expect(Array(above.prefix(Self.callers.count)) == Self.callers, "\(frames)")
    case .inHandler:
      #expect(above.first == "handle_signal", "\(frames)")
      let caller = try #require(above.firstIndex(of: "call_once"), "\(frames)")
      #expect(
        Array(frames[caller...].prefix(Self.callers.count)) == Self.callers, "\(frames)")
    case .deep:
      #expect(Array(above) == ["call_deep", "[beyond the copied part of the stack]"], "\(frames)")
    }
  }

  /// Without CAP_SYS_PTRACE not even root may read the memory map of one that has it; in later kernels
  /// CAP_PERFMON suffices (mm_access()).
  @Test func whereItMayNotBeRead() throws {
    let program = try Load("callers", "1000")
    let less = "--bounding-set=-sys_ptrace"
    let map = try Command("setpriv", [less, "cat", "/proc/\(program.pid)/maps"]).wait()
    let ended = try Command(
      "setpriv",
      [
        less, Binaries.url("cloneprof").path, "--format", "json", "-o",
        scratch.file("out.json"), "--pid", "\(program.pid)", "--clones", "5",
      ]
    ).wait(seconds: 60)
    let frames = try #require(scratch.snapshots(of: ended).last?.stacks.first?.frames)
    if map.status == 0 {
      #expect(frames.count >= 12 && !frames.contains { $0.hasPrefix("[") }, "\(frames)")
    } else {
      #expect(frames.count == 2 && frames[0].hasPrefix("0x"), "\(frames)")
      #expect(frames[1] == "[no permission to read this process]")
    }
  }

  /// How the program that forks came to be, and where its files are.
  enum Form: CaseIterable { case libraries, isStatic, inItsOwnMounts, deleted, stripped }

  /// Five functions in each of two shared libraries, or all in a static program.
  @Test(.needs(.compiler), arguments: Form.allCases) func otherPrograms(_ form: Form) throws {
    let files = try build(isStatic: form == .isStatic)
    if form == .stripped {
      let ended = try Command("strip", ["--strip-all"] + files).wait()
      try #require(ended.status == 0, "\(ended.errors)")
    }
    let program: Command
    if form == .inItsOwnMounts {
      let folder = scratch.file("own")
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      program = try Command(
        "unshare",
        [
          "-m", "sh", "-c",
          "mount -t tmpfs none \(folder) && cp \(files.joined(separator: " ")) \(folder)"
            + " && exec \(folder)/forks",
        ], environment: ["LD_LIBRARY_PATH": folder])
    } else {
      program = try Command(files[0], [], environment: ["LD_LIBRARY_PATH": scratch.path])
    }
    try program.read { $0.contains("ready") }
    if form == .deleted || form == .inItsOwnMounts {
      for file in files { try FileManager.default.removeItem(atPath: file) }
    }
    let ended = try scratch.cloneprof(["--pid", "\(program.pid)", "--clones", "5"]).wait(
      seconds: 60)
    let final = try #require(scratch.snapshots(of: ended).last)
    let frames = try #require(final.stacks.first?.frames)
    let wanted = (1...5).reversed().map { "inner_\($0)" } + (1...5).reversed().map { "outer_\($0)" }
    if form == .stripped {
      // What is exported stays in .dynsym.
      #expect(frames.suffix(14).contains("outer_1") && frames.count >= 13, "\(frames)")
    }
    let start = try #require(frames.firstIndex(of: wanted[0]), "\(frames)")
    #expect(Array(frames[start...].prefix(wanted.count)) == wanted, "\(frames)")
    if form != .stripped { #expect(frames.contains("main"), "\(frames)") }
  }

  private static func chain(_ name: String, callee: String) -> String {
    let functions = (1...5).map { number in
      """
      void \(name)_\(number)(void) {
        volatile char room[\(64 * number)];
        room[0] = 1;
        \(number == 5 ? callee : "\(name)_\(number + 1)")();
        room[1] = 1;
      }
      """
    }
    return "void \(callee)(void);\n" + functions.reversed().joined(separator: "\n")
  }

  /// The program, and the libraries that it needs.
  private func build(isStatic: Bool) throws -> [String] {
    let main = """
      #include <stdio.h>
      #include <stdlib.h>
      #include <sys/wait.h>
      #include <unistd.h>
      void outer_1(void);
      void make_child(void) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        if (child < 0 || waitpid(child, NULL, 0) != child) exit(1);
        __asm__ volatile("" ::: "memory");
      }
      int main(void) {
        printf("ready\\n");
        fflush(stdout);
        for (int i = 0; i < 3000; i++) {
          usleep(20000);
          outer_1();
        }
      }
      """
    let (outer, inner) = (
      Self.chain("outer", callee: "inner_1"), Self.chain("inner", callee: "make_child")
    )
    let sources = [
      try scratch.write(main, to: "forks.c"), try scratch.write(outer, to: "outer.c"),
      try scratch.write(inner, to: "inner.c"),
    ]
    let flags = ["-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-fno-inline"]
    let program = scratch.file("forks")
    if isStatic {
      try compile(flags + ["-static"] + sources + ["-o", program])
      return [program]
    }
    let libraries = ["inner", "outer"].map { scratch.file("lib\($0).so") }
    try compile(flags + ["-fPIC", "-shared", sources[2], "-o", libraries[0]])
    try compile(
      flags + ["-fPIC", "-shared", sources[1], "-L\(scratch.path)", "-linner", "-o", libraries[1]])
    try compile(
      flags + ["-rdynamic", sources[0], "-L\(scratch.path)", "-louter", "-linner", "-o", program])
    return [program] + libraries
  }

  private func compile(_ arguments: [String]) throws {
    let ended = try Command("gcc", arguments).wait(seconds: 60)
    try #require(ended.status == 0, "\(ended.errors)")
  }
}
