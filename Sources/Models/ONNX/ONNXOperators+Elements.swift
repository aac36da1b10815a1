import TapestryFiles
import TapestryGraph
import TapestryOps

extension ONNXOperator {
  /// Functions of single elements that are smooth or nearly so.
  static let arithmetic: [String: ONNXOperator] = [
    "Add": .broadcasting { $0 + $1 },
    "Sub": .broadcasting { $0 - $1 },
    "Mul": .broadcasting { $0 * $1 },
    "Div": .broadcasting { $0 / $1 },
    "Sum": .several { $0 + $1 },
    "Max": .several { maximum($0, $1) },
    "Min": .several { minimum($0, $1) },
    "Mean": .one(1...Int.max) { call in
      let tensors = try call.inputs.indices.map { try call.input($0) }
      return tensors.dropFirst().reduce(tensors[0], +) / Double(tensors.count)
    },
    "Neg": .unary { -$0 },
    "Abs": .unary { abs($0) },
    "Sign": .unary { sign($0) },
    "Exp": .unary { exp($0) },
    "Log": .unary { log($0) },
    "Sqrt": .unary { sqrt($0) },
    "Reciprocal": .unary { 1 / $0 },
    "Erf": .unary { erf($0) },
    "Sin": .unary { sin($0) },
    "Cos": .unary { cos($0) },
    "Tan": .unary { sin($0) / cos($0) },
    "Sinh": .unary { (exp($0) - exp(-$0)) / 2 },
    "Cosh": .unary { (exp($0) + exp(-$0)) / 2 },
    "Floor": .unary(floored),
    "Ceil": .unary { -floored(-$0) },
    "Round": .unary(rounded),
    "Pow": .one(2...2) { call in
      let (x, exponent) = try aligned(call)
      guard x.dtype != exponent.dtype || !x.dtype.isFloatingPoint else { return pow(x, exponent) }
      let type = x.dtype.isFloatingPoint ? x.dtype : .float64
      return call.converted(
        pow(call.converted(x, to: type), call.converted(exponent, to: type)), to: x.dtype)
    },
    "Mod": .one(2...2) { call in
      let (a, b) = (try call.input(0), try call.input(1))
      if a.dtype.isFloatingPoint {
        // By an infinite divisor nothing is taken away.
        let quotient = a / b
        let isCut = try call.flag("fmod")
        let whole = isCut ? sign(quotient) * floored(abs(quotient)) : floored(quotient)
        return a - select(where: whole .== 0, whole, else: whole * b)
      }
      let remainder = a - a / b * b
      if try call.flag("fmod") { return remainder }
      // The sign is the divisor's.
      let zero = call.constant(0, like: a)
      let differs = (remainder * sign(b)) .< zero
      return remainder + select(where: differs, b + zero * a, else: zero)
    },
    "Clip": .one(1...3) { call in
      let x = try call.input(0)
      if call.version < 11 {
        return clip(
          x, min: try call.number("min", -.infinity), max: try call.number("max", .infinity),
          file: call.file, line: call.line)
      }
      var result = x
      let limits = (call.optional(1), call.optional(2))
      let isKnown = [limits.0, limits.1].allSatisfy { $0?.isPlaceholder != true }
      if isKnown, x.dtype.isFloatingPoint {
        let low = try call.number(of: 1) ?? -.infinity
        let high = try call.number(of: 2) ?? .infinity
        // Where the limits are crossed, the upper one holds.
        return clip(x, min: Swift.min(low, high), max: high, file: call.file, line: call.line)
      }
      if let low = limits.0 { result = maximum(result, low, file: call.file, line: call.line) }
      if let high = limits.1 { result = minimum(result, high, file: call.file, line: call.line) }
      return result
    },
    "Cast": .one(1...1) { call in
      let type = ONNX.DataType(rawValue: try call.integer("to"))
      return try cast(call.input(0), to: type, call)
    },
    "CastLike": .one(2...2) { call in
      call.converted(try call.input(0), to: try call.input(1).dtype)
    },
  ]

  /// Functions that layers apply to their results.
  static let activations: [String: ONNXOperator] = [
    "Relu": .one(1...1) { relu(try $0.input(0), file: $0.file, line: $0.line) },
    "Sigmoid": .one(1...1) { sigmoid(try $0.input(0), file: $0.file, line: $0.line) },
    "Tanh": .one(1...1) { tanh(try $0.input(0), file: $0.file, line: $0.line) },
    "Softplus": .one(1...1) { softplus(try $0.input(0), file: $0.file, line: $0.line) },
    "Softsign": .unary { $0 / (abs($0) + 1) },
    "LeakyRelu": .one(1...1) {
      leakyRelu(
        try $0.input(0), slope: try $0.number("alpha", 0.01), file: $0.file, line: $0.line)
    },
    "PRelu": .one(2...2) { call in
      let x = try call.input(0)
      var slope = try call.input(1)
      // In version 6 a vector of slopes belonged to the channels.
      if call.version < 7, slope.rank == 1, x.rank > 2 {
        slope = slope.reshaped(to: [slope.count] + [Int](repeating: 1, count: x.rank - 2))
      }
      return relu(x) - slope * relu(-x)
    },
    "Elu": .one(1...1) {
      elu(try $0.input(0), alpha: try $0.number("alpha", 1), file: $0.file, line: $0.line)
    },
    "Celu": .one(1...1) { call in
      let alpha = try call.number("alpha", 1)
      guard alpha != 0 else { throw Misuse("attribute \"alpha\" is 0") }
      let x = try call.input(0)
      return relu(x) + minimum(expm1(x / alpha) * alpha, call.constant(0, like: x))
    },
    "Selu": .one(1...1) { call in
      let alpha = try call.number("alpha", 1.67326319217681884765625)
      return elu(try call.input(0), alpha: alpha)
        * (try call.number("gamma", 1.05070102214813232421875))
    },
    "ThresholdedRelu": .one(1...1) { call in
      let x = try call.input(0)
      let isAbove = try x .> call.number("alpha", 1)
      return select(where: isAbove, x, else: call.constant(0, like: x))
    },
    "HardSigmoid": .one(1...1) { call in
      let slope = try call.number("alpha", 0.2)
      return clip(try call.input(0) * slope + (try call.number("beta", 0.5)), min: 0, max: 1)
    },
    "HardSwish": .unary { $0 * clip($0 / 6 + 0.5, min: 0, max: 1) },
    "Mish": .unary { $0 * tanh(softplus($0)) },
    "Swish": .one(1...1) { call in
      let x = try call.input(0)
      return try x * sigmoid(x * call.number("alpha", 1))
    },
    "Gelu": .one(1...1) { call in
      let x = try call.input(0)
      if try call.text("approximate", "none") == "none" {
        return gelu(x, file: call.file, line: call.line)
      }
      let inner = (x + x * square(x) * 0.044715) * (2 / Double.pi).squareRoot()
      return x * (tanh(inner) + 1) * 0.5
    },
    "Shrink": .one(1...1) { call in
      let x = try call.input(0)
      let (threshold, bias) = (try call.number("lambd", 0.5), try call.number("bias", 0))
      let zero = call.constant(0, like: x)
      let upper = select(where: x .> threshold, x - bias, else: zero)
      return select(where: x .< -threshold, x + bias, else: upper)
    },
    "Softmax": softmaxOperator { softmax($0, axis: $1) },
    "LogSoftmax": softmaxOperator { logSoftmax($0, axis: $1) },
  ]

  /// Comparisons, masks and what selects by them.
  static let logic: [String: ONNXOperator] = [
    "Equal": .binary { number($0) .== number($1) },
    "Less": .binary { $0 .< $1 },
    "LessOrEqual": .binary { $0 .<= $1 },
    "Greater": .binary { $0 .> $1 },
    "GreaterOrEqual": .binary { $0 .>= $1 },
    "And": .binary { (number($0) * number($1)).converted(to: .bool) },
    "Or": .binary { (number($0) + number($1)).converted(to: .bool) },
    "Xor": .binary { number($0) .!= number($1) },
    "Not": .unary { number($0) .== 0 },
    "IsNaN": .unary { $0 .!= $0 },
    "IsInf": .one(1...1) { call in
      let x = try call.input(0)
      let positive = try call.flag("detect_positive", true) ? Double.infinity : 0
      let negative = try call.flag("detect_negative", true) ? -Double.infinity : 0
      let isAbove = number(positive == 0 ? x .> .infinity : x .== positive)
      let isBelow = number(negative == 0 ? x .> .infinity : x .== negative)
      return (isAbove + isBelow).converted(to: .bool)
    },
    "Where": .one(3...3) {
      select(
        where: try $0.input(0), try $0.input(1), else: try $0.input(2), file: $0.file, line: $0.line
      )
    },
  ]

  /// Masks as 0 and 1, which can be compared and counted; other tensors as they are.
  private static func number(_ tensor: Tensor) -> Tensor {
    tensor.dtype == .bool ? tensor.converted(to: .int32) : tensor
  }

  static func cast(_ x: Tensor, to type: ONNX.DataType, _ call: ONNXCall) throws -> Tensor {
    switch type {
    case .float, .float16, .bfloat16: return call.converted(x, to: call.floatType)
    case .double, .int32, .int64, .bool: return call.converted(x, to: type.dtype!)
    default: throw ONNXUnsupported("the element type \(type)")
    }
  }

  /// The largest whole number that is not larger. Numbers from 2^31 on are whole here, NaN stays.
  private static func floored(_ x: Tensor) -> Tensor {
    let limit = x.dtype == .float32 ? 0x1p24 : 0x1p53
    let whole = x.detached().converted(to: .int64).converted(to: x.dtype)
    let below = whole - (whole .> x).converted(to: x.dtype)
    return select(where: abs(x) .< limit, below, else: x)
  }

  /// The nearest whole number, the even one of two.
  private static func rounded(_ x: Tensor) -> Tensor {
    let up = floored(x + 0.5)
    let isTie = ((up - x) .== 0.5).converted(to: x.dtype)
    let isOdd = up - floored(up / 2) * 2
    return up - isTie * isOdd
  }

  private static func softmaxOperator(
    _ function: @escaping @Sendable (Tensor, Int) -> Tensor
  ) -> ONNXOperator {
    .one(1...1) { call in
      let x = try call.input(0)
      let axis = try call.axis(
        call.integer("axis", call.version < 13 ? 1 : -1), rank: Swift.max(x.rank, 1))
      // Until version 12 all axes from the one named on were one.
      guard call.version < 13, axis != x.rank - 1, x.rank > 0 else { return function(x, axis) }
      guard let rows = checkedProduct(of: x.shape[..<axis]),
        let columns = checkedProduct(of: x.shape[axis...])
      else { throw Misuse("the sizes \(x.shape) are too large") }
      let flat = x.reshaped(to: [rows, columns])
      return function(flat, 1).reshaped(to: x.shape)
    }
  }
}
