// A reverse-mode engine from nothing: numbers that remember what they were computed from, and a walk backwards
// over the tape. Then the same gradients from Tapestry, whose engine has the same parts.

import Tapestry

warnIfBuiltForDebug()

/// A number, and how it was made: its operands, each with the derivative by it.
final class Value {
  let number: Double
  let operands: [(value: Value, derivative: Double)]
  let serial: Int
  nonisolated(unsafe) private static var lastSerial = 0

  init(_ number: Double, from operands: [(value: Value, derivative: Double)] = []) {
    self.number = number
    self.operands = operands
    Self.lastSerial += 1
    serial = Self.lastSerial
  }

  static func + (a: Value, b: Value) -> Value {
    Value(a.number + b.number, from: [(a, 1), (b, 1)])
  }
  static func * (a: Value, b: Value) -> Value {
    Value(a.number * b.number, from: [(a, b.number), (b, a.number)])
  }
  func rectified() -> Value { Value(max(number, 0), from: [(self, number > 0 ? 1 : 0)]) }

  /// The derivatives of this number by every number it depends on, by serial number.
  func gradients() -> [Int: Double] {
    // The tape: what this depends on, each once. What was made later comes first.
    var (tape, waiting): ([Int: Value], [Value]) = ([:], [self])
    while let value = waiting.popLast() {
      guard tape.updateValue(value, forKey: value.serial) == nil else { continue }
      waiting += value.operands.map(\.value)
    }
    var gradients = [serial: 1.0]
    for value in tape.values.sorted(by: { $0.serial > $1.serial }) {
      // All that used this value has been seen: its gradient is complete, and can be handed on.
      for (operand, derivative) in value.operands {
        gradients[operand.serial, default: 0] += gradients[value.serial]! * derivative
      }
    }
    return gradients
  }
}

let (x, w, b) = (Value(3), Value(-2), Value(10))
let y = (x * w + b).rectified() * x
let gradients = y.gradients()
print("by hand:  y = \(y.number), dy/dx = \(gradients[x.serial]!), dy/dw = \(gradients[w.serial]!)")

let (u, v) = (Tensor(3).tracked(), Tensor(-2).tracked())
let z = relu(u * v + 10) * u
let slopes = z.gradients()
print("Tapestry: y = \(z.item), dy/dx = \(slopes[u]!.item), dy/dw = \(slopes[v]!.item)")
