import TapestryCommands
import TapestryFiles
import Testing

@Suite("Formatting")
struct FormattingTests {
  @Test("numbers have a fixed number of digits")
  func digits() {
    #expect(fixed(0.98527, 4) == "0.9853")
    #expect(fixed(0, 4) == "0.0000")
    #expect(fixed(-0.00001, 4) == "0.0000")
    #expect(fixed(-12.345, 1) == "-12.3")
    #expect(fixed(7, 0) == "7")
    #expect(fixed(.nan, 4) == "nan")
    #expect(fixed(-.infinity, 4) == "-inf")
  }

  @Test("thousands are grouped")
  func groups() {
    #expect(
      [0, 999, 1000, 60_000, 1_234_567, -1000].map { grouped($0) }
        == ["0", "999", "1,000", "60,000", "1,234,567", "-1,000"])
    #expect(grouped(.infinity) == "0")
    #expect(counted(1, "class") == "1 class")
    #expect(counted(2000, "class") == "2,000 classes")
    #expect(counted(0, "image") == "0 images")
  }

  @Test("times and sizes")
  func quantities() {
    #expect(
      [0, 0.2, 59.5, 61, 3723].map { clockTime($0) } == ["0:00", "0:01", "1:00", "1:01", "1:02:03"])
    #expect(clockTime(.infinity) == "0:00")
    #expect(byteSize(4_700_000) == "4.7 MB")
    #expect(byteSize(84_000_000) == "84 MB")
    #expect(byteSize(2_310_000_000) == "2.31 GB")
  }

  @Test("a bar is filled to an eighth of a character")
  func bars() {
    #expect(bar(0, width: 4) == "    ")
    #expect(bar(1, width: 4) == "████")
    #expect(bar(0.5, width: 3) == "█▌ ")
    #expect(bar(.nan, width: 2) == "  ")
    #expect(bar(7, width: 2) == "██")
  }

  @Test("paths are quoted where a shell needs it")
  func quotes() {
    #expect(
      shellQuoted("runs/lenet5-digits/weights.safetensors")
        == "runs/lenet5-digits/weights.safetensors")
    #expect(shellQuoted("my data") == "'my data'")
    #expect(shellQuoted("it's") == #"'it'\''s'"#)
    #expect(shellQuoted("") == "''")
    #expect(shellQuoted("$HOME") == "'$HOME'")
  }
}
