import CTapestryKernels
import TapestryGraph

// The forms of ops on single elements.

/// An op that ONNX has, with the same operands and no attributes.
private protocol NamedOperation: ExchangeableOperation {
  static var exchangeName: String { get }
}

extension NamedOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node(Self.exchangeName, form.inputs.indices.map { .input($0) })]
  }
}

extension Add: NamedOperation { static var exchangeName: String { "Add" } }
extension Subtract: NamedOperation { static var exchangeName: String { "Sub" } }
extension Multiply: NamedOperation { static var exchangeName: String { "Mul" } }
extension Divide: NamedOperation { static var exchangeName: String { "Div" } }
extension Pow: NamedOperation { static var exchangeName: String { "Pow" } }
extension Maximum: NamedOperation { static var exchangeName: String { "Max" } }
extension Minimum: NamedOperation { static var exchangeName: String { "Min" } }
extension Sigmoid: NamedOperation { static var exchangeName: String { "Sigmoid" } }
extension Tanh: NamedOperation { static var exchangeName: String { "Tanh" } }
extension Softplus: NamedOperation { static var exchangeName: String { "Softplus" } }
extension Exp: NamedOperation { static var exchangeName: String { "Exp" } }
extension Log: NamedOperation { static var exchangeName: String { "Log" } }
extension Sqrt: NamedOperation { static var exchangeName: String { "Sqrt" } }
extension Sin: NamedOperation { static var exchangeName: String { "Sin" } }
extension Cos: NamedOperation { static var exchangeName: String { "Cos" } }
extension Erf: NamedOperation { static var exchangeName: String { "Erf" } }
extension Abs: NamedOperation { static var exchangeName: String { "Abs" } }
extension Sign: NamedOperation { static var exchangeName: String { "Sign" } }
extension Select: NamedOperation { static var exchangeName: String { "Where" } }

extension Relu: ExchangeableOperation {
  /// The signs, a second result in training, are not said.
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Relu", [form.x]), .absent]
  }
}

extension LeakyRelu: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("LeakyRelu", [form.x], [("alpha", .float(slope))])]
  }
}

extension Elu: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Elu", [form.x], [("alpha", .float(alpha))])]
  }
}

extension Gelu: ExchangeableOperation {
  /// x (1 + erf(x / √2)) / 2.
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let scaled = form.node("Mul", [form.x, form.number(0.5.squareRoot())])
    let shifted = form.node("Add", [form.node("Erf", [scaled]), form.number(1)])
    return [form.node("Mul", [form.node("Mul", [form.x, shifted]), form.number(0.5)])]
  }
}

extension Expm1: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Sub", [form.node("Exp", [form.x]), form.number(1)])]
  }
}

extension Log1p: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Log", [form.node("Add", [form.x, form.number(1)])])]
  }
}

extension Square: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Mul", [form.x, form.x])]
  }
}

extension Power: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Pow", [form.x, form.number(exponent)])]
  }
}

extension Affine: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    var result = form.x
    if factor == -1 {
      result = form.node("Neg", [result])
    } else if factor != 1 {
      result = form.node("Mul", [result, form.number(factor)])
    }
    if offset != 0 { result = form.node("Add", [result, form.number(offset)]) }
    return [result]
  }
}

extension DivideBy: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Div", [form.x, form.number(divisor)])]
  }
}

extension DivideInto: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Div", [form.number(numerator), form.x])]
  }
}

extension Clip: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let low = self.low == -.infinity ? .absent : form.number(self.low)
    let high = self.high == .infinity ? .absent : form.number(self.high)
    return [form.node("Clip", high == .absent ? [form.x, low] : [form.x, low, high])]
  }
}

extension Convert: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let code =
      switch dtype {
      case .float32: 1
      case .int32: 6
      case .int64: 7
      case .bool: 9
      case .float64: 11
      }
    return [form.node("Cast", [form.x], [("to", .integer(code))])]
  }
}

extension Compare: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let both = [form.x, .input(1)]
    switch comparison {
    case TAPESTRY_EQUAL: return [form.node("Equal", both)]
    case TAPESTRY_NOT_EQUAL: return [form.node("Not", [form.node("Equal", both)])]
    case TAPESTRY_LESS: return [form.node("Less", both)]
    case TAPESTRY_LESS_EQUAL: return [form.node("LessOrEqual", both)]
    case TAPESTRY_GREATER: return [form.node("Greater", both)]
    default: return [form.node("GreaterOrEqual", both)]
    }
  }
}
