import TapestryGraph

/// A net, or a part of one: a value whose stored properties are layers and parameters.
///
/// ```swift
/// struct Classifier: Model {
///   let hidden = Linear(784, 100)
///   let output = Linear(100, 10)
///   func callAsFunction(_ input: Tensor) -> Tensor { output(relu(hidden(input))) }
/// }
/// ```
///
/// Parameters and buffers are references inside, so a copy of a model shares them. Their names come from the
/// property labels (`hidden.weight`; the index for an array), which makes state files of nets written with
/// the same names in PyTorch load by name.
public protocol Model: ParameterContainer, Sendable {
  /// The net's output for a batch.
  func callAsFunction(_ input: Tensor) -> Tensor

  /// Parameters, buffers and layers with their dotted names. Default: a walk over the stored properties.
  var members: ModelMembers { get }
}

extension Model {
  public var members: ModelMembers { ModelMembers(of: self) }

  public var namedParameters: [(name: String, parameter: Parameter)] { members.parameters }
  public var namedBuffers: [(name: String, buffer: Buffer)] { members.buffers }

  /// The number of trained values.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

  /// The model, after its parameters, buffers and layers have been told their names, which messages then show.
  @discardableResult
  public func named() -> Self {
    members.assignNames()
    return self
  }
}

/// One step of a net: it knows where it was constructed and, once its model is named, what it is called.
///
/// A call reports the line of the call, or where there is none to see, as inside a ``Sequential``, the line of
/// the construction.
public protocol Layer: Model {
  var origin: LayerOrigin { get }
  /// The layer's output. `file` and `line` are to be passed on to the ops.
  func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor
}

extension Layer {
  public func callAsFunction(
    _ input: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let output = withLayer(origin) { forward(input, file: file, line: line) }
    LayerTap.current?.note(origin, output)
    return output
  }

  @_disfavoredOverload
  public func callAsFunction(_ input: Tensor) -> Tensor {
    callAsFunction(input, file: origin.file, line: origin.line)
  }
}
