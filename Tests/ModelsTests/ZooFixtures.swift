import Foundation
import TapestryFiles
import TapestryGraph
import TapestryModels
import TestSupport

/// A stored net: `zoo/<name>.json`, its tensors filled from hashes of their names.
struct StoredNet {
  let name: String
  let json: JSONValue
  let seed: UInt64

  init(_ name: String) throws {
    self.name = name
    let directory = ReferenceSet.directory.appendingPathComponent("zoo", isDirectory: true)
    json = try JSONValue(contentsOf: directory.appendingPathComponent("\(name).json").path)
    seed = hexadecimal(json["seed"])
  }

  /// Nets that this package defines, by the reference's name for them.
  static let definitions: [(name: String, make: @Sendable (Int) -> any Model)] = [
    ("lenet5", { LeNet5(classes: $0) }),
    ("harleynet", { DigitNet(classes: $0) }),
  ]

  var tensors: [JSONValue] { json["tensors"]?.array ?? [] }

  /// The filled value of an entry of `tensors`.
  func filled(_ entry: JSONValue) -> Tensor {
    fill(
      entry["name"]!.string!, shape: entry["shape"].sizes, kind: entry["fill"]!.string!,
      scale: entry["scale"]!.double!, seed: seed)
  }

  /// The images of a case.
  func input(_ shape: [Int]) -> Tensor {
    fill("input", shape: shape, kind: "centered", scale: 1, seed: seed)
  }

  /// Pairs that put the filled values, as float64, in the place of the model's parameters.
  func substitutes(for model: some Model) -> [(Tensor, Tensor)] {
    let values = Dictionary(uniqueKeysWithValues: tensors.map { ($0["name"]!.string!, $0) })
    return model.members.state.map { ($0.value, filled(values[$0.name]!).tracked()) }
  }
}

/// Values from a hash of the tensor's name and the flat index.
func fill(_ name: String, shape: [Int], kind: String, scale: Double, seed: UInt64) -> Tensor {
  let count = shape.reduce(1, *)
  let base = fnv1a64(name) ^ seed
  let values = (0..<count).map { index -> Double in
    let hash = splitMix64(base &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
    let u = Double(hash >> 40) / 16_777_216
    return (kind == "centered" ? 2 * u - 1 : 0.5 + u) * scale
  }
  return Tensor(values, shape: TensorShape(shape), dtype: .float64)
}

func fnv1a64(_ text: String) -> UInt64 {
  text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

func splitMix64(_ x: UInt64) -> UInt64 {
  var z = x &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// A number written as "0x...".
func hexadecimal(_ value: JSONValue?) -> UInt64 {
  UInt64((value?.string ?? "").dropFirst(2), radix: 16) ?? 0
}

extension JSONValue? {
  /// A list of whole numbers.
  var sizes: [Int] { self?.array?.compactMap(\.int) ?? [] }
  /// A list of numbers, nested lists flattened.
  var numbers: [Double] {
    guard let value = self else { return [] }
    if let number = value.double { return [number] }
    return (value.array ?? []).flatMap { Optional($0).numbers }
  }
}

/// The root of the sum of squares.
func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
