import Foundation
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

/// A net with all that a state file can hold.
private struct SmallNet: Model {
  struct Norm: Model {
    let weight: Parameter
    // swift-format-ignore: AlwaysUseLowerCamelCase
    let running_mean = Buffer(Tensor([0, 0]))
    // swift-format-ignore: AlwaysUseLowerCamelCase
    let running_var = Buffer(Tensor([1, 1]))
    init(_ dtype: DType) { weight = Parameter(.ones([2], dtype: dtype)) }
    func callAsFunction(_ input: Tensor) -> Tensor { input }
  }
  let conv: Conv2d
  let bn1: Norm
  let fc: Linear

  init(classes: Int = 3, dtype: DType = .float32) {
    conv = Conv2d(1, 2, kernel: 2, bias: false, dtype: dtype)
    bn1 = Norm(dtype)
    fc = Linear(2, classes, dtype: dtype)
  }
  func callAsFunction(_ input: Tensor) -> Tensor { input }

  var values: [[Double]] { state.map { $0.value.scalars() } }
}

/// Small files made by hand.
private func file(_ items: [SafetensorsItem]) throws -> SafetensorsFile {
  let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("tapestry-\(UUID().uuidString).safetensors").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try SafetensorsFile.write(items, to: path)
  return try SafetensorsFile(bytes: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
}

private func item(_ name: String, _ shape: [Int], from start: Float = 0) -> SafetensorsItem {
  let count = shape.reduce(1, *)
  return SafetensorsItem(name: name, shape: shape, elements: (0..<count).map { start + Float($0) })
}

private func items(prefix: String = "", classes: Int = 3) -> [SafetensorsItem] {
  [
    item(prefix + "conv.weight", [2, 1, 2, 2], from: 1), item(prefix + "bn1.weight", [2], from: 2),
    item(prefix + "bn1.running_mean", [2], from: 3), item(prefix + "bn1.running_var", [2], from: 4),
    SafetensorsItem(name: prefix + "bn1.num_batches_tracked", shape: [], elements: [Int64(7)]),
    item(prefix + "fc.weight", [classes, 2], from: 5), item(prefix + "fc.bias", [classes], from: 6),
  ]
}

private let loadedValues: [[Double]] = [
  [1, 2, 3, 4, 5, 6, 7, 8], [2, 3], [3, 4], [4, 5], [5, 6, 7, 8, 9, 10], [6, 7, 8],
]

@Suite("Loading state files")
struct StateLoadingTests {
  @Test("PyTorch's counters of batches are passed over, and written beside running statistics")
  func counters() throws {
    let net = SmallNet()
    let report = try net.load(file(items()))
    #expect(net.values == loadedValues)
    #expect(report.isTotal && report.loaded == net.state.map(\.name))

    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("tapestry-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try net.save(to: path)
    let saved = try SafetensorsFile(path: path)
    #expect(Set(saved.entries.map(\.name)) == Set(items().map(\.name)))
    let counter = try #require(saved["bn1.num_batches_tracked"])
    #expect(counter.dtype == .int64 && counter.shape == [])
    #expect(saved.elements(of: counter, as: Int64.self) == [0])
    let other = SmallNet()
    try other.load(from: path)
    #expect(other.values == loadedValues)
    // A counter that belongs to no statistics is a name like others.
    let stray =
      items() + [
        SafetensorsItem(name: "fc.num_batches_tracked", shape: [], elements: [Int64(7)])
      ]
    let error = #expect(throws: StateMismatch.self) { try net.load(file(stray)) }
    #expect(error?.problems == ["unknown: fc.num_batches_tracked []"])
  }

  @Test("names are stripped, extended and looked up in a table")
  func renaming() throws {
    let net = SmallNet()
    try net.load(file(items(prefix: "module.")), renaming: .removingPrefix("module."))
    #expect(net.values == loadedValues)
    struct Wrapper: Model {
      let backbone = SmallNet()
      func callAsFunction(_ input: Tensor) -> Tensor { input }
    }
    let wrapper = Wrapper()
    try wrapper.load(file(items()), renaming: .addingPrefix("backbone."))
    #expect(wrapper.backbone.values == loadedValues)
    let renamed = items().map { old in
      let name = old.name.replacingOccurrences(of: "bn1.", with: "norm_1/")
        .replacingOccurrences(of: "fc.", with: "head.0.")
      return SafetensorsItem(name: name, dtype: old.dtype, shape: old.shape, bytes: old.bytes)
    }
    let other = SmallNet()
    try other.load(
      file(renamed), renaming: .table(["norm_*/*": "bn*.*", "head.0.*": "fc.*"]))
    #expect(other.values == loadedValues)
    // What the closure has no name for is left out, and said.
    let third = SmallNet()
    let extra = items() + [item("ema.decay", [1])]
    let report = try third.load(
      file(extra), renaming: StateRenaming { $0.hasPrefix("ema.") ? nil : $0 })
    #expect(third.values == loadedValues)
    #expect(report.names(.excluded) == ["ema.decay"])
  }

  @Test("a prefix that explains the difference is suggested")
  func remedy() throws {
    let net = SmallNet()
    let error = #expect(throws: StateMismatch.self) {
      try net.load(file(items(prefix: "module.net.")))
    }
    #expect(error?.remedy == "with renaming: .removingPrefix(\"module.net.\") more would fit")
    #expect(error.map { "\($0)" }?.hasSuffix("more would fit") == true)
    struct Wrapper: Model {
      let backbone = SmallNet()
      func callAsFunction(_ input: Tensor) -> Tensor { input }
    }
    let other = #expect(throws: StateMismatch.self) { try Wrapper().load(file(items())) }
    #expect(other?.remedy == "with renaming: .addingPrefix(\"backbone.\") more would fit")
    let none = #expect(throws: StateMismatch.self) { try net.load(file([item("x", [1])])) }
    #expect(none?.remedy == nil)
  }

  @Test("two arrays that become one name are refused")
  func collision() throws {
    let net = SmallNet()
    let error = #expect(throws: StateMismatch.self) {
      try net.load(
        file(items() + [item("old.fc.bias", [3])]), renaming: .removingPrefix("old."),
        allowing: .all)
    }
    #expect(error?.problems == ["renaming: fc.bias and old.fc.bias both become fc.bias"])
  }

  @Test("a new head: what is excluded keeps its values and is reported, everything else must fit")
  func exclusion() throws {
    let net = SmallNet(classes: 4)
    let before = net.values
    let report = try net.load(file(items()), except: ["fc"])
    #expect(Array(net.values[..<4]) == Array(loadedValues[..<4]))
    #expect(Array(net.values[4...]) == Array(before[4...]))
    #expect(report.loaded.count == 4)
    #expect(report.names(.excluded) == ["fc.weight", "fc.bias"])
    #expect(
      report.description
        == """
        the file: loaded 4 names, left out 2
          left out by "fc": fc.weight
          left out by "fc": fc.bias
        """)
    // Also where the file has no such names, or others below them.
    let headless = items().filter { !$0.name.hasPrefix("fc") } + [item("fc.extra", [1])]
    #expect(try net.load(file(headless), except: ["fc.*"]).names(.excluded).count == 3)
    let error = #expect(throws: StateMismatch.self) {
      try net.load(file(items()), except: ["fc", "classifier.*"])
    }
    #expect(error?.problems.count == 1)
    #expect(
      error?.problems.first?.hasPrefix("except: \"classifier.*\" matches no name of this model")
        == true)
    #expect(throws: StateMismatch.self) { try net.load(file(items()), except: ["fc.bias"]) }
  }

  @Test("partial loading takes what fits, tells what did not, and allows only what was asked for")
  func partial() throws {
    let given = items(classes: 5).filter { $0.name != "bn1.weight" } + [item("aux.weight", [1])]
    let net = SmallNet()
    let before = net.values
    let report = try net.load(file(given), allowing: .all)
    #expect(report.names(.missing) == ["bn1.weight"])
    #expect(report.names(.misshaped) == ["fc.weight", "fc.bias"])
    #expect(report.names(.unknown) == ["aux.weight"])
    #expect(report.loaded == ["conv.weight", "bn1.running_mean", "bn1.running_var"])
    #expect(net.values[0] == loadedValues[0] && net.values[2] == loadedValues[2])
    #expect(net.values[1] == before[1] && net.values[4] == before[4])
    #expect(
      report.omissions.map(\.description) == [
        "missing: bn1.weight [2] float32",
        "shape: fc.weight is [5, 2] in the file, [3, 2] in the model",
        "shape: fc.bias is [5] in the file, [3] in the model", "unknown: aux.weight [1]",
      ])
    let fresh = SmallNet()
    let kept = fresh.values
    for (allowed, count) in [
      (StateDifferences.missing, 3), (.unknown, 3), (.misshaped, 2), ([.missing, .unknown], 2),
      ([], 4),
    ] {
      let error = #expect(throws: StateMismatch.self) {
        try fresh.load(file(given), allowing: allowed)
      }
      #expect(error?.problems.count == count)
      #expect(fresh.values == kept)
    }
    // Of a file that has nothing for this net, nothing can be loaded in part.
    let error = #expect(throws: StateMismatch.self) {
      try fresh.load(file([item("x", [1])]), allowing: .all)
    }
    #expect(error?.problems.last == "not one array fits")
  }

  @Test("float16 and bfloat16 become float32 and float64: all 65,536 of each")
  func halfPrecision() throws {
    struct Table: Model {
      let weight: Parameter
      init(_ dtype: DType) { weight = Parameter(.zeros([65_536], dtype: dtype)) }
      func callAsFunction(_ input: Tensor) -> Tensor { input }
    }
    let bytes = (0..<65_536).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    for (stored, fractionBits, bias) in [
      (SafetensorsDType.float16, 10, 15), (.bfloat16, 7, 127),
    ] {
      let state = try file([
        SafetensorsItem(name: "weight", dtype: stored, shape: [65_536], bytes: bytes)
      ])
      for dtype in [DType.float32, .float64] {
        let net = Table(dtype)
        try net.load(state)
        #expect(net.weight.value.dtype == dtype)
        let values = net.weight.value.scalars()
        var wrong = 0
        for bits in 0..<65_536 {
          let exponent = (bits & 0x7FFF) >> fractionBits
          let fraction = Double(bits & (1 << fractionBits - 1)) / Double(1 << fractionBits)
          let isLast = exponent == 1 << (15 - fractionBits) - 1
          let magnitude =
            if isLast { fraction == 0 ? Double.infinity : .nan } else if exponent == 0 {
              fraction * Double(sign: .plus, exponent: 1 - bias, significand: 1)
            } else {
              (1 + fraction) * Double(sign: .plus, exponent: exponent - bias, significand: 1)
            }
          let expected = bits & 0x8000 == 0 ? magnitude : -magnitude
          let value = values[bits]
          if expected.isNaN ? !value.isNaN : value != expected || value.sign != expected.sign {
            wrong += 1
          }
        }
        #expect(wrong == 0, "\(stored) to \(dtype)")
      }
    }
  }

  @Test("float32 loads into float64 nets; numbers that are no floating-point numbers are refused")
  func types() throws {
    let wide = SmallNet(dtype: .float64)
    try wide.load(file(items()))
    #expect(wide.values == loadedValues)
    #expect(wide.fc.weight.value.dtype == .float64)
    let integers = items().map { old in
      old.name == "fc.bias"
        ? SafetensorsItem(name: "fc.bias", shape: [3], elements: [Int32(1), 2, 3]) : old
    }
    let error = #expect(throws: StateMismatch.self) {
      try SmallNet().load(file(integers), allowing: .all)
    }
    #expect(error?.problems == ["type: fc.bias is I32 in the file, float32 in the model"])
  }

  @Test("names from a file cannot speak to the terminal, and thousands of them stay readable")
  func hostileNames() throws {
    let error = #expect(throws: StateMismatch.self) {
      try SmallNet().load(
        file(items() + [item("\u{1B}[31mred\n", [1])] + (0..<5000).map { item("x.\($0)", [0]) }))
    }
    let text = try #require(error.map { "\($0)" })
    #expect(error?.problems.count == 5001)
    #expect(!text.contains("\u{1B}") && text.contains("... and 4901 more"))
  }
}
