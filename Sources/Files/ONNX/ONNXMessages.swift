/// The messages of the ONNX format (https://onnx.ai, `onnx.proto`), as far as nets on tensors need them.
package enum ONNX {
  /// A file's content.
  package struct Model: Equatable, Sendable {
    package var irVersion = 8
    package var producer = ""
    package var producerVersion = ""
    /// The operator sets whose definitions hold; the standard one has an empty domain.
    package var opsets: [(domain: String, version: Int)] = []
    package var graph: Graph?
    /// Names of operators that the file defines itself.
    package var functions: [String] = []
    package var metadata: [(key: String, value: String)] = []

    package init() {}

    package static func == (a: Model, b: Model) -> Bool {
      a.irVersion == b.irVersion && a.producer == b.producer
        && a.producerVersion == b.producerVersion && a.graph == b.graph
        && a.functions == b.functions && a.opsets.elementsEqual(b.opsets, by: ==)
        && a.metadata.elementsEqual(b.metadata, by: ==)
    }
  }

  /// Nodes in an order in which they can be computed, with what goes in and out.
  package struct Graph: Equatable, Sendable {
    package var name = ""
    package var nodes: [Node] = []
    package var initializers: [Tensor] = []
    /// The number of sparse initialisers, which are not read.
    package var sparseInitializerCount = 0
    package var inputs: [ValueInfo] = []
    package var outputs: [ValueInfo] = []

    package init() {}
  }

  /// One operator at work.
  package struct Node: Equatable, Sendable {
    package var name = ""
    package var operation = ""
    /// Empty for the standard operators.
    package var domain = ""
    /// Names of values; an empty one stands for an input that is left out.
    package var inputs: [String] = []
    package var outputs: [String] = []
    package var attributes: [Attribute] = []

    package init() {}

    package init(
      _ operation: String, name: String, inputs: [String], outputs: [String],
      attributes: [Attribute] = []
    ) {
      self.name = name
      self.operation = operation
      self.inputs = inputs
      self.outputs = outputs
      self.attributes = attributes
    }
  }

  /// A constant of a node.
  package struct Attribute: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
      case float(Float)
      case integer(Int)
      case text(String)
      case tensor(Tensor)
      case floats([Float])
      case integers([Int])
      case texts([String])
      /// A subgraph, a type and the like: its number in the format.
      case other(Int)
    }

    package var name: String
    package var value: Value

    package init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  /// An array of numbers.
  package struct Tensor: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
      /// Little-endian, row-major: where in the file.
      case file(Range<Int>)
      /// Little-endian, row-major.
      case memory([UInt8])
      /// In another file, of this name.
      case external(String)
      /// Texts, or elements of a kind that is not read.
      case unread
    }

    package var name: String
    package var dimensions: [Int]
    package var type: DataType
    package var content: Content

    package init(name: String, dimensions: [Int], type: DataType, content: Content) {
      self.name = name
      self.dimensions = dimensions
      self.type = type
      self.content = content
    }
  }

  /// The name and type of what goes into a graph or comes out.
  package struct ValueInfo: Equatable, Sendable {
    package enum Dimension: Equatable, Sendable {
      case size(Int)
      /// Any size, called by a name; equal names, equal sizes.
      case symbol(String)
      case unknown
    }

    package var name: String
    /// Nil for what is no tensor.
    package var type: DataType?
    /// Nil when any shape will do.
    package var shape: [Dimension]?

    package init(name: String, type: DataType?, shape: [Dimension]?) {
      self.name = name
      self.type = type
      self.shape = shape
    }
  }

  /// The element types, by the numbers the format gives them.
  package struct DataType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let float = DataType(rawValue: 1)
    package static let uint8 = DataType(rawValue: 2)
    package static let int8 = DataType(rawValue: 3)
    package static let uint16 = DataType(rawValue: 4)
    package static let int16 = DataType(rawValue: 5)
    package static let int32 = DataType(rawValue: 6)
    package static let int64 = DataType(rawValue: 7)
    package static let bool = DataType(rawValue: 9)
    package static let float16 = DataType(rawValue: 10)
    package static let double = DataType(rawValue: 11)
    package static let uint32 = DataType(rawValue: 12)
    package static let uint64 = DataType(rawValue: 13)
    package static let bfloat16 = DataType(rawValue: 16)

    /// From 0, as the format numbers them.
    private static let names = [
      "undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
      "float16", "double", "uint32", "uint64", "complex64", "complex128", "bfloat16",
      "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4",
      "float4e2m1", "float8e8m0", "uint2", "int2", "float6e2m3", "float6e3m2",
    ]

    /// The format's name for it.
    package var description: String {
      Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "type \(rawValue)"
    }

    /// The number of bytes of an element; nil for types whose elements are not read.
    package var itemSize: Int? {
      switch self {
      case .uint8, .int8, .bool: 1
      case .uint16, .int16, .float16, .bfloat16: 2
      case .float, .int32, .uint32: 4
      case .double, .int64, .uint64: 8
      default: nil
      }
    }
  }
}
