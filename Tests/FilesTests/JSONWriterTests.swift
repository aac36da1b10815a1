import TapestryFiles
import TestSupport
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
  private let sample: JSONValue = [
    "z": [1, 2.5, nil, true, [], [:]], "a": ["text": "x\"y"], "empty": "",
  ]

  @Test("the compact form has no space and keeps the order of members")
  func compact() throws {
    #expect(
      try sample.text()
        == #"{"z":[1,2.5,null,true,[],{}],"a":{"text":"x\"y"},"empty":""}"#)
  }

  @Test("the pretty form has a member a line")
  func pretty() throws {
    #expect(
      try sample.text(isPretty: true) == """
        {
          "z": [
            1,
            2.5,
            null,
            true,
            [],
            {}
          ],
          "a": {
            "text": "x\\"y"
          },
          "empty": ""
        }
        """)
    #expect(try JSONValue(parsing: sample.text(isPretty: true)) == sample)
  }

  @Test("strings are escaped where JSON demands it")
  func strings() throws {
    #expect(
      try JSONValue.string("\"\\\n\r\t\u{8}\u{C}\u{0}\u{1F}/é😀\u{7F}").text()
        == "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0000\\u001f/é😀\u{7F}\"")
    #expect(try JSONValue.string("\r\n").text() == #""\r\n""#)
  }

  @Test("every finite double is read back as it was")
  func doubles() throws {
    var mutations = Mutations(seed: 2)
    let special = [0.0, -0.0, 1, 0.1, 1e16, 1e-5, .leastNonzeroMagnitude, .pi]
    let random = (0..<2000).map { _ in Double(bitPattern: mutations.next()) }
    for value in special + random.filter(\.isFinite) {
      let back = try JSONValue(parsing: JSONValue.number(value).text())
      guard case .number(let read) = back else {
        Issue.record("\(value) came back as \(back)")
        continue
      }
      #expect(read.bitPattern == value.bitPattern)
    }
    #expect(try JSONValue.integer(.min).text() == "-9223372036854775808")
  }

  @Test(
    "numbers that are not finite are refused with their place",
    arguments: [(Double.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")])
  func notFinite(value: Double, text: String) throws {
    let nested: JSONValue = ["a": [1, ["b": .number(value)]]]
    #expect(
      message { try nested.text() } == "$.a[1].b: \(text) is not a number that JSON has")
    let directory = try TemporaryDirectory()
    #expect(
      message { try nested.write(to: directory("x.json")) }
        == "\(directory("x.json")): cannot be written as JSON: "
        + "$.a[1].b: \(text) is not a number that JSON has")
    #expect(directory.names.isEmpty)
  }

  @Test("what is written can be read: nesting is limited alike")
  func depth() throws {
    var value: JSONValue = 1
    for _ in 0..<128 { value = [value] }
    #expect(try JSONValue(parsing: value.text()) == value)
    value = [value]
    #expect(message { try value.text() }.hasSuffix(": nested deeper than 128 levels"))
  }

  @Test("a file holds the text")
  func file() throws {
    let directory = try TemporaryDirectory()
    try sample.write(to: directory("a.json"), isPretty: true)
    #expect(try JSONValue(contentsOf: directory("a.json")) == sample)
    #expect(try directory.bytes(directory("a.json")).last == UInt8(ascii: "\n"))
  }

  @Test("members are set, replaced and removed")
  func members() {
    var object = JSONObject()
    for index in 0..<30 { object["k\(index)"] = .integer(index) }
    object["k3"] = "three"
    object["k5"] = nil
    object["none"] = nil
    #expect(object.count == 29)
    #expect(object["k3"] == "three")
    #expect(object["k5"] == nil)
    #expect(object["k29"]?.int == 29)
    #expect(object.keys.prefix(6) == ["k0", "k1", "k2", "k3", "k4", "k6"])
  }
}
