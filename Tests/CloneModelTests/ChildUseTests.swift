import CloneModel
import Histograms
import Reports
import Testing

/// What children are taken to be for.
struct ChildUseTests {
  private func sum(
    execed: UInt64 = 0, after: UInt64 = 400_000, ended: UInt64 = 0, saved: UInt64 = 0,
    lingering: UInt64 = 0, most: UInt64 = 1
  ) -> ChildSum {
    var sum = ChildSum()
    sum.born = execed + ended + lingering
    for _ in 0..<execed { sum.exec.record(after) }
    for _ in 0..<ended { sum.life.record(5_000_000) }
    (sum.saved, sum.lingering, sum.living, sum.most) = (saved, lingering, lingering, most)
    return sum
  }

  @Test func thoseThatExec() {
    #expect(sum(execed: 43).use == .execAtOnce)
    #expect(sum(execed: 9, ended: 1).use == .execAtOnce)
    #expect(sum(execed: 8, ended: 1, lingering: 1).use == .other)
    #expect(sum(execed: 43, after: 90_000_000, most: 8).use == .execAtOnce)
    #expect(sum(execed: 43, after: 200_000_000).use == .other)
  }

  @Test func thoseThatServe() {
    // Workers that stay, and such as come and go.
    #expect(sum(lingering: 5, most: 5).use == .serve)
    #expect(sum(ended: 400, most: 1).use == .serve)
    #expect(sum(execed: 1, ended: 9, saved: 9, most: 3).use == .serve)
    #expect(sum(ended: 9, saved: 8, most: 1).use == .serve)
  }

  @Test func thoseThatSave() {
    #expect(sum(ended: 1, saved: 1).use == .save)
    #expect(sum(ended: 10, saved: 9, lingering: 1).use == .save)
    #expect(sum(ended: 10, saved: 10, most: 2).use == .serve)
  }

  /// By how much they write, in the light of what they have.
  @Test(
    arguments: [
      (0, 1 << 30, false), ((1 << 20) - 1, 1 << 30, false), (1 << 20, 1 << 30, true),
      (2 << 30, 1 << 30, true), ((2 << 30) + 2, 1 << 30, false), (65_535, 1 << 20, false),
      (65_536, 1 << 20, true), (10_485, 1 << 20, false), (300_000, 20_000_000, true),
      (199_999, 20_000_000, false), (.max, 0, false), (.max, .max, true),
    ] as [(UInt64, UInt64, Bool)])
  func whatSavesMemory(written: UInt64, memory: UInt64, saves: Bool) {
    #expect(ChildSum.saves(written: written, memory: memory) == saves)
  }

  @Test func tooLittleIsKnown() {
    #expect(ChildSum().use == .unknown)
    var young = sum()
    (young.born, young.living, young.most) = (9, 9, 9)
    #expect(young.use == .unknown)
    // A worker, or a save that goes on.
    #expect(sum(lingering: 1).use == .unknown)
    #expect(sum(execed: 5, ended: 5).use == .other)
  }

  /// Each stands in the schema, and no other.
  @Test func theSchemaKnowsAll() throws {
    #expect(
      try SchemaDefinitions.read().use.enum.sorted() == ChildUse.allCases.map(\.rawValue).sorted())
  }
}
