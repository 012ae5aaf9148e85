import Proc
import Testing

struct PressureTests {
  @Test func pressureFromText() throws {
    let text = """
      some avg10=1.50 avg60=0.20 avg300=0.00 total=123456
      full avg10=0.00 avg60=0.00 avg300=0.00 total=99
      """
    let pressure = try #require(Pressure(parsing: text))
    #expect(pressure.some == 123_456 && pressure.full == 99)
    // That of CPUs had no such line before Linux 5.13.
    #expect(Pressure(parsing: text.lines[0] + "\n")?.full == 0)
    #expect(Pressure(parsing: "") == nil && Pressure(parsing: "some total") == nil)
  }
}
