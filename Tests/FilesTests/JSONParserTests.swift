import TapestryFiles
import TestSupport
import Testing

@Suite("JSON parser")
struct JSONParserTests {
  @Test("values of every kind are read")
  func kinds() throws {
    let value = try JSONValue(
      parsing: """
         { "a" : [ null , true , false ] , "b": {"c": "x", "d": {}} , "e": [], "f": -12, "g": 0.5 }\r
        """)
    let expected: JSONValue = [
      "a": [nil, true, false], "b": ["c": "x", "d": [:]], "e": [], "f": -12, "g": 0.5,
    ]
    #expect(value == expected)
    #expect(value.object?.keys == ["a", "b", "e", "f", "g"])
    #expect(value["b"]?["c"]?.string == "x")
    #expect(value["a"]?[1]?.bool == true)
    #expect(value["a"]?[3] == nil)
    #expect(value["a"]?[0]?.isNull == true)
    #expect(value["f"]?.int == -12)
    #expect(value["f"]?.double == -12)
    #expect(value["g"]?.int == nil)
    #expect(value["e"]?.array?.isEmpty == true)
    #expect(value["e"]?["x"] == nil)
  }

  @Test(
    "numbers are kept exactly",
    arguments: [
      ("0", .integer(0)), ("9223372036854775807", .integer(.max)),
      ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(0x1p63)),
      ("1.0", .number(1)), ("1e2", .number(100)), ("1E+2", .number(100)), ("25e-2", .number(0.25)),
      ("0.1", .number(0.1)), ("5e-324", .number(.leastNonzeroMagnitude)), ("1e-400", .number(0)),
      ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
      ("123456789.123456789", .number(123456789.123456789)),
    ] as [(String, JSONValue)])
  func numbers(text: String, value: JSONValue) throws {
    #expect(try JSONValue(parsing: text) == value)
  }

  @Test("minus zero keeps its sign")
  func minusZero() throws {
    #expect(try JSONValue(parsing: "-0").double?.sign == .minus)
    #expect(try JSONValue(parsing: "-0.0").double?.sign == .minus)
  }

  @Test(
    "strings are decoded",
    arguments: [
      (#""""#, ""), (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{C}\n\r\tz"),
      (#""\u0041\u00e9\u20AC\u0000""#, "A\u{E9}\u{20AC}\0"), (#""\uD83D\uDE00!""#, "😀!"),
      (#""\uFFFF\ud7ff""#, "\u{FFFF}\u{D7FF}"), ("\"h\u{E9}\u{20AC}😀\u{7F}\"", "hé€😀\u{7F}"),
    ])
  func strings(text: String, value: String) throws {
    #expect(try JSONValue(parsing: text) == .string(value))
  }

  @Test(
    "what is not JSON is refused with the reason and the place",
    arguments: [
      ("", "expected a value, found the end of the text (line 1, column 1, byte 0)"),
      ("[1,\n 2,]", "expected a value, found ']' (line 2, column 4, byte 7)"),
      ("{\"é\": ?}", "expected a value, found '?' (line 1, column 7, byte 7)"),
      ("{\"a\":1,}", "expected a key in double quotes, found '}' (line 1, column 8, byte 7)"),
      ("{a:1}", "expected a key in double quotes, found 'a' (line 1, column 2, byte 1)"),
      ("{\"a\" 1}", "expected ':' after the key, found '1' (line 1, column 6, byte 5)"),
      ("{\"a\":1 \"b\"", "expected ',' or '}', found '\"' (line 1, column 8, byte 7)"),
      ("[1 2]", "expected ',' or ']', found '2' (line 1, column 4, byte 3)"),
      ("[1", "expected ',' or ']', found the end of the text (line 1, column 3, byte 2)"),
      ("1 x", "expected the end of the text, found 'x' (line 1, column 3, byte 2)"),
      ("{}{}", "expected the end of the text, found '{' (line 1, column 3, byte 2)"),
      ("nul", "expected 'null' (line 1, column 1, byte 0)"),
      ("trua", "expected 'true' (line 1, column 1, byte 0)"),
      ("[fals]", "expected 'false' (line 1, column 2, byte 1)"),
      ("NaN", "expected a value, found 'N' (line 1, column 1, byte 0)"),
      ("Infinity", "expected a value, found 'I' (line 1, column 1, byte 0)"),
      ("+1", "expected a value, found '+' (line 1, column 1, byte 0)"),
      (".5", "expected a value, found '.' (line 1, column 1, byte 0)"),
      ("[01]", "a number must not begin with 0 (line 1, column 2, byte 1)"),
      ("-", "expected a digit, found the end of the text (line 1, column 2, byte 1)"),
      ("[1.]", "expected a digit, found ']' (line 1, column 4, byte 3)"),
      ("1e", "expected a digit, found the end of the text (line 1, column 3, byte 2)"),
      ("1e+x", "expected a digit, found 'x' (line 1, column 4, byte 3)"),
      ("[1e309]", "the number is too large (line 1, column 2, byte 1)"),
      ("-1e999999999999", "the number is too large (line 1, column 1, byte 0)"),
      ("[\"ab", "the string that begins here is not closed (line 1, column 2, byte 1)"),
      ("'a'", "expected a value, found ''' (line 1, column 1, byte 0)"),
      (
        "\"a\nb\"",
        "a control character in a string must be escaped, found byte 0x0a (line 1, column 3, byte 2)"
      ),
      (#""\x""#, #"invalid escape: '\' followed by 'x' (line 1, column 2, byte 1)"#),
      (
        #""\"#,
        #"invalid escape: '\' followed by the end of the text (line 1, column 2, byte 1)"#
      ),
      (
        #""\u12g4""#,
        #"expected four hexadecimal digits after '\u', found 'g' (line 1, column 6, byte 5)"#
      ),
      (#""\ud800""#, "lone surrogate in an escape (line 1, column 2, byte 1)"),
      (#""\ud800\u0041""#, "lone surrogate in an escape (line 1, column 2, byte 1)"),
      (#""\udc00\ud800""#, "lone surrogate in an escape (line 1, column 2, byte 1)"),
      ("// x", "expected a value, found '/' (line 1, column 1, byte 0)"),
      (
        "\u{FEFF}{}",
        "begins with a byte order mark, which JSON does not allow (line 1, column 1, byte 0)"
      ),
      (
        "{\"a\":1,\n\"b\":2,\"a\":3,\"b\":[]}",
        "repeated keys \"a\", \"b\" (line 2, column 7, byte 14)"
      ),
      ("[{\"k\":1,\"\\u006b\":2}]", "repeated key \"k\" (line 1, column 9, byte 8)"),
    ])
  func refusals(text: String, expected: String) {
    #expect(message { try JSONValue(parsing: text) } == expected)
  }

  @Test(
    "invalid UTF-8 is refused",
    arguments: [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x41], [0xE0, 0x80, 0x80],
      [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
      [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xFF],
    ] as [[UInt8]])
  func invalidUTF8(bytes: [UInt8]) {
    let text = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
    let expected =
      "invalid UTF-8, found byte 0x\(String(bytes[0], radix: 16)) (line 1, column 2, byte 1)"
    #expect(message { try JSONValue(parsing: text) } == expected)
  }

  @Test("nesting is limited, so that no text overflows the stack")
  func depth() throws {
    let deepest = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(throws: Never.self) { try JSONValue(parsing: deepest) }
    let bomb = String(repeating: "[", count: 1_000_000)
    #expect(
      message { try JSONValue(parsing: bomb) }
        == "nested deeper than 128 levels (line 1, column 129, byte 128)")
    let objects = String(repeating: "{\"a\":", count: 1000)
    #expect(message { try JSONValue(parsing: objects) }.hasPrefix("nested deeper than 128 levels"))
  }

  @Test("an object of many members is searched by key and keeps its order")
  func manyMembers() throws {
    let members = (0..<1000).map { "\"key\($0)\":\($0)" }.joined(separator: ",")
    let value = try JSONValue(parsing: "{\(members)}")
    #expect(value.object?.keys == (0..<1000).map { "key\($0)" })
    for index in 0..<1000 { #expect(value["key\(index)"]?.int == index) }
    #expect(
      message { try JSONValue(parsing: "{\(members),\"key77\":0}") }.hasPrefix(
        "repeated key \"key77\""))
  }

  @Test("a file is read, and its path is in the errors")
  func files() throws {
    let directory = try TemporaryDirectory()
    let good = try directory.file("good.json", "[1]")
    #expect(try JSONValue(contentsOf: good) == [1])
    let bad = try directory.file("bad.json", "[1")
    #expect(
      message { try JSONValue(contentsOf: bad) }
        == "\(bad): is not valid JSON: expected ',' or ']', found the end of the text "
        + "(line 1, column 3, byte 2)")
    #expect(
      message { try JSONValue(contentsOf: good, limit: 2) }
        == "\(good): has 3 bytes, but at most 2 are expected here")
  }

  @Test("five thousand damaged texts are read or refused, never a crash")
  func damaged() throws {
    let text =
      #"{"a\u00e9":[1,-2.5e3,true,false,null,"x\ud83d\ude00"],"é":{"c":[{},[[]]]},"d":0.1}"#
    var mutations = Mutations(seed: 1)
    var refused = 0
    for _ in 0..<5000 {
      do {
        let value = try JSONValue(parsing: mutations.damaged(Array(text.utf8)))
        #expect(try JSONValue(parsing: value.text()) == value)
      } catch is JSONError {
        refused += 1
      }
    }
    #expect((1000..<5000).contains(refused))
  }
}
