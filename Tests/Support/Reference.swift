import Foundation
import TapestryFiles
import TapestryGraph

/// A folder of stored results: `cases.json` and the tensors beside it.
///
/// The folder lies in the directory named by `TAPESTRY_REFERENCE` if that is set, otherwise among the
/// fixtures of this package.
public struct ReferenceSet: Sendable {
  public let cases: [ReferenceCase]

  /// Where reference folders lie.
  public static var directory: URL {
    if let path = ProcessInfo.processInfo.environment["TAPESTRY_REFERENCE"], !path.isEmpty {
      return URL(fileURLWithPath: path, isDirectory: true)
    }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures", isDirectory: true)
  }

  /// The folders whose names begin with `prefix`, in order: `ops`, `ops2`.
  public static func folders(_ prefix: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.filter { $0.hasPrefix(prefix) }.sorted()
  }

  /// Reads the set in `folder` ("ops", "optim").
  ///
  /// - Parameter tensorFile: the file of all tensors, without its extension; `nil` where each family of
  ///   cases has a file of its own name.
  /// - Throws: when a file is missing or malformed.
  public init(_ folder: String, tensorFile: String? = nil) throws {
    let directory = Self.directory.appendingPathComponent(folder, isDirectory: true)
    let list = try JSONValue(contentsOf: directory.appendingPathComponent("cases.json").path)
    var files: [String: SafetensorsFile] = [:]
    var cases: [ReferenceCase] = []
    for entry in list.array ?? [] {
      let name = tensorFile ?? entry["family"]?.string ?? ""
      if files[name] == nil {
        let path = directory.appendingPathComponent(name + ".safetensors").path
        files[name] = try SafetensorsFile(path: path)
      }
      cases.append(ReferenceCase(entry: entry, file: files[name]!))
    }
    self.cases = cases
  }
}

/// One stored case: what went in, what has to come out, and how closely.
public struct ReferenceCase: Sendable, CustomStringConvertible {
  /// The whole entry of `cases.json`.
  package let entry: JSONValue
  private let file: SafetensorsFile

  package init(entry: JSONValue, file: SafetensorsFile) {
    self.entry = entry
    self.file = file
  }

  /// `conv2d/stride2_pad1_groups2`
  public var name: String { entry["name"]?.string ?? "" }
  /// `conv2d`
  public var op: String { entry["op"]?.string ?? "" }
  public var family: String { entry["family"]?.string ?? "" }
  public var dtype: DType { entry["dtype"]?.string == "float32" ? .float32 : .float64 }
  public var description: String { name }
  public var attributes: ReferenceAttributes {
    ReferenceAttributes(entry["attributes"] ?? [:], name)
  }
  public var relativeTolerance: Double { entry["tolerance"]?["rtol"]?.double ?? 0 }
  public var absoluteTolerance: Double { entry["tolerance"]?["atol"]?.double ?? 0 }

  /// Whether the outputs have to agree bit for bit.
  public var isExact: Bool { entry["exact"]?.bool ?? false }

  /// The strings listed under `key` of the entry: `names("gradients")`; empty where there is none.
  public func names(_ key: String) -> [String] { entry[key]?.array?.compactMap(\.string) ?? [] }

  /// The inputs in order, by name. Whatever is named in `integers` is int64.
  public var inputs: ReferenceInputs {
    ReferenceInputs(names("inputs").map { ($0, tensor($0)) })
  }

  /// The stored tensor of this role (`y`, `grad.x`, `t.x`).
  ///
  /// - Precondition: it is stored, as float32, float64 or int64.
  public func tensor(_ role: String) -> Tensor {
    guard let entry = file["\(name):\(role)"] else {
      fatalError("\(name): no tensor \(role) is stored")
    }
    let shape = TensorShape(entry.shape)
    switch entry.dtype {
    case .float32: return Tensor(scalars: file.elements(of: entry, as: Float.self)!, shape: shape)
    case .float64: return Tensor(scalars: file.elements(of: entry, as: Double.self)!, shape: shape)
    case .int64: return Tensor(scalars: file.elements(of: entry, as: Int64.self)!, shape: shape)
    default: fatalError("\(name): \(role) is stored as \(entry.dtype)")
    }
  }
}

/// Named tensors in order.
public struct ReferenceInputs: Sendable {
  public private(set) var all: [(name: String, tensor: Tensor)]

  public init(_ all: [(name: String, tensor: Tensor)]) { self.all = all }

  public var tensors: [Tensor] { all.map(\.tensor) }
  public var count: Int { all.count }

  /// The tensor at a place in the order.
  public subscript(index: Int) -> Tensor { all[index].tensor }

  /// The tensor called `name`, or `nil` where the case has none (a convolution without bias).
  public subscript(name: String) -> Tensor? {
    get { all.first { $0.name == name }?.tensor }
    set {
      if let place = all.firstIndex(where: { $0.name == name }) { all[place].tensor = newValue! }
    }
  }
}

/// The attributes of a case.
public struct ReferenceAttributes: Sendable {
  package let values: JSONValue
  private let caseName: String

  package init(_ values: JSONValue, _ caseName: String) {
    self.values = values
    self.caseName = caseName
  }

  /// Whether the case states this attribute.
  public func has(_ key: String) -> Bool { !(values[key]?.isNull ?? true) }

  /// Whether the attribute is a text, such as the order "inf".
  public func isText(_ key: String) -> Bool { values[key]?.string != nil }

  /// Whether this attribute is a list.
  public func isList(_ key: String) -> Bool { values[key]?.array != nil }

  public func int(_ key: String) -> Int { required(values[key]?.int, key) }
  public func double(_ key: String) -> Double { required(values[key]?.double, key) }
  public func bool(_ key: String) -> Bool { required(values[key]?.bool, key) }
  public func string(_ key: String) -> String { required(values[key]?.string, key) }
  /// A list of integers, such as `stride`.
  public func ints(_ key: String) -> [Int] {
    required(values[key]?.array?.map { required($0.int, key) }, key)
  }
  /// A list of numbers, such as `coefficients`.
  public func doubles(_ key: String) -> [Double] {
    required(values[key]?.array?.map { required($0.double, key) }, key)
  }
  /// A list of lists of integers, such as the padding of `pad`.
  public func intPairs(_ key: String) -> [[Int]] {
    required(values[key]?.array?.map { required($0.array?.compactMap(\.int), key) }, key)
  }

  private func required<Value>(_ value: Value?, _ key: String) -> Value {
    guard let value else {
      fatalError("\(caseName): attribute \(key) is missing or of another kind: \(values)")
    }
    return value
  }
}

/// What computes a reference op with this framework: the outputs in the order of the case's `outputs`.
public typealias ReferenceOperation =
  @Sendable (_ attributes: ReferenceAttributes, _ inputs: ReferenceInputs) -> [Tensor]
