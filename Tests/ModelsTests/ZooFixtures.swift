import Dispatch
import Foundation
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TestSupport

/// A stored net: `zoo/<name>.json`, its tensors filled from hashes of their names.
struct StoredNet {
  let name: String
  let json: JSONValue
  let seed: UInt64

  /// Where the stored nets lie.
  static var directory: URL {
    ReferenceSet.directory.appendingPathComponent("zoo", isDirectory: true)
  }

  static func json(_ file: String) throws -> JSONValue {
    try JSONValue(contentsOf: directory.appendingPathComponent(file).path)
  }

  init(_ name: String) throws {
    self.name = name
    json = try Self.json("\(name).json")
    seed = hexadecimal(json["seed"])
  }

  var tensors: [JSONValue] { json["tensors"]?.array ?? [] }
  var cases: [JSONValue] { json["cases"]?.array ?? [] }
  var layers: [JSONValue] { json["layers"]?.array ?? [] }
  var classes: Int { json["classes"]!.int! }
  /// The shape that multiplications are counted for.
  var countedShape: [Int] { json["macs_input_shape"].sizes }

  /// The filled value of an entry of `tensors`, float64.
  func filled(_ entry: JSONValue) -> Tensor {
    let name = entry["name"]!.string!
    let value = fill(
      name, shape: entry["shape"].sizes, kind: entry["fill"]!.string!,
      scale: entry["scale"]!.double!, seed: seed)
    guard name.hasSuffix(".weight"),
      let table = json["connection_table"]?[
        String(name.dropLast(".weight".count))]?.array
    else { return value }
    // What is not connected is zero.
    let taps = value.count / value.shape[0] / value.shape[1]
    let mask = table.flatMap { row in
      (0..<value.shape[1]).flatMap { input in
        [Double](repeating: Optional(row).sizes.contains(input) ? 1 : 0, count: taps)
      }
    }
    return value * Tensor(mask, shape: value.shape, dtype: .float64)
  }

  /// The images of a case.
  func input(_ shape: [Int]) -> Tensor {
    fill("input", shape: shape, kind: "centered", scale: 1, seed: seed)
  }

  /// The net of this package with the stored net's number of classes and channels, without dropout and without values:
  /// its parameters are placeholders.
  ///
  /// - Returns: `nil` for a net that this package does not define.
  func placeholder(_ dtype: DType) -> (any Model)? {
    let shape = countedShape
    let size = Pair(height: shape[2], width: shape[3])
    return try? withParameterType(dtype) {
      try dryRun { Self.make(name, classes, shape[1], size) }
    }
  }

  /// The nets by the reference's names for them.
  private static func make(
    _ name: String, _ classes: Int, _ channels: Int, _ size: Pair
  ) -> (any Model)? {
    switch name {
    case "lenet5": return LeNet5(classes: classes, channels: channels, size: size)
    case "lenet5_1998": return LeNet5Original(classes: classes, channels: channels, size: size)
    case "harleynet": return DigitNet(classes: classes, channels: channels, size: size)
    case "fourclassnet": return FourClassNet(classes: classes, channels: channels, size: size)
    case "alexnet": return AlexNet(classes: classes, channels: channels, dropout: 0)
    case "alexnet_2012":
      return AlexNet2012(classes: classes, channels: channels, size: size, dropout: 0)
    case "zfnet": return ZFNet(classes: classes, channels: channels, size: size, dropout: 0)
    case "googlenet", "googlenet_aux":
      return GoogLeNet(
        classes: classes, channels: channels, auxiliaryHeads: name == "googlenet_aux", dropout: 0,
        headDropout: 0)
    case "googlenet_2014":
      return GoogLeNet2014(
        classes: classes, channels: channels, size: size, dropout: 0, headDropout: 0)
    case "squeezenet1_1": return SqueezeNet(classes: classes, channels: channels, dropout: 0)
    default: break
    }
    func depth(after prefix: String) -> Int? {
      name.hasPrefix(prefix) ? Int(name.dropFirst(prefix.count).prefix { $0.isNumber }) : nil
    }
    if let depth = depth(after: "vgg").flatMap(VGG.Depth.init) {
      return VGG(
        depth, batchNorm: name.hasSuffix("_bn"), classes: classes, channels: channels, dropout: 0)
    }
    if let depth = depth(after: "resnet").flatMap(ResNet.Depth.init) {
      return ResNet(depth, classes: classes, channels: channels)
    }
    if let depth = depth(after: "densenet").flatMap(DenseNet.Depth.init) {
      return DenseNet(depth, classes: classes, channels: channels)
    }
    return nil
  }
}

extension Model {
  /// Gives every parameter and buffer the stored values, in the type that it has.
  func take(_ values: [String: Tensor]) {
    for (name, target) in members.state {
      guard let value = values[name], value.shape == target.shape else { continue }
      let converted = value.dtype == target.dtype ? value : value.converted(to: target.dtype)
      if let parameter = target as? Parameter { parameter.value = converted }
      if let buffer = target as? Buffer { buffer.value = converted }
    }
  }
}

/// Values from a hash of the tensor's name and the flat index.
func fill(_ name: String, shape: [Int], kind: String, scale: Double, seed: UInt64) -> Tensor {
  let base = fnv1a64(name) ^ seed
  let isCentered = kind == "centered"
  return Tensor(TensorShape(shape), .float64) { memory in
    let count = shape.reduce(1, *)
    nonisolated(unsafe) let values = memory.assumingMemoryBound(to: Double.self)
    let block = 1 << 18
    DispatchQueue.concurrentPerform(iterations: (count + block - 1) / block) { part in
      for index in part * block..<min(count, (part + 1) * block) {
        let hash = splitMix64(base &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
        let u = Double(hash >> 40) / 16_777_216
        values[index] = (isCentered ? 2 * u - 1 : 0.5 + u) * scale
      }
    }
  }
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

/// The root of the sum of squares of a tensor's elements.
func norm(_ tensor: Tensor) -> Double {
  guard tensor.dtype == .float64 else { return norm(tensor.scalars()) }
  return tensor.readingMemory { memory in
    let values = UnsafeBufferPointer(
      start: memory.assumingMemoryBound(to: Double.self), count: tensor.count)
    return values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
