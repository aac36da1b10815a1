import Synchronization
import TapestryGraph
import TapestryOps
import Testing

@Suite("Scopes")
struct ScopeTests {
  @Test("a dry run computes nothing and answers with shapes")
  func dryRunShapes() throws {
    let weight = Parameter(Tensor.ones([3]))
    let result = try dryRun { Tensor.shape([2, 3]) * weight + Tensor.ones([3]) }
    #expect(result.shape == [2, 3])
    #expect(result.isPlaceholder)
  }

  @Test("a dry run throws the first misuse, with op, operands, origins and line")
  func dryRunMisuse() throws {
    let weight = Parameter(Tensor.ones([4]), name: "conv1.weight")
    let error = #expect(throws: Misuse.self) {
      try dryRun {
        let x = Tensor.shape([2, 3]) * 2
        let y = apply(Add(left: "x"), to: Tensors(x, weight))[0]
        _ = y * Tensor.shape([17])
      }
    }
    let text = try #require(error).description
    #expect(text.hasPrefix("add: the shapes [2, 3] and [4] differ\n"), "\(text)")
    #expect(text.contains("left  [2, 3] float32"))
    #expect(text.contains("right [4] float32 parameter \"conv1.weight\""))
    #expect(text.contains("called at ScopeTests.swift:"))
  }

  @Test("gradients in a dry run have shapes too")
  func dryGradients() throws {
    let weight = Parameter(Tensor.ones([3]))
    let shape = try dryRun {
      let y = apply(
        Total(), to: Tensors(Tensor.shape([2, 3]) * weight), file: #fileID, line: #line)[0]
      return y.gradients()[weight]!.shape
    }
    #expect(shape == [3])
  }

  @Test("substituting runs with other values and types, and leads gradients to the substitute")
  func substitution() {
    let weight = Parameter(Tensor([1, 2]))
    let substitute = Tensor([10, 20], dtype: .float64).tracked()
    let (value, gradient) = substituting([(weight, substitute)]) {
      let y = apply(Total(), to: Tensors(weight * weight))[0]
      #expect(weight.dtype == .float64)
      return (y.item, gradients(of: y, withRespectTo: [substitute])[substitute]!.scalars())
    }
    #expect(value == 500)
    #expect(gradient == [20, 40])
    #expect(weight.dtype == .float32)
    #expect(weight.value.scalars() == [1, 2])
  }

  @Test("random numbers come from the scope's source and repeat from its state")
  func randomSource() {
    let source = RandomSource(seed: 7)
    let first = withRandomSource(source) { Tensor.normal([4]).scalars() }
    let state = source.state
    let second = withRandomSource(source) { Tensor.normal([4]).scalars() }
    #expect(first != second)
    #expect(withRandomSource(RandomSource(state: state)) { Tensor.normal([4]).scalars() } == second)
    #expect(withRandomSource(RandomSource(seed: 7)) { Tensor.normal([4]).scalars() } == first)
    #expect(Set(source.permutation(of: 50)).count == 50)
    #expect((0..<200).allSatisfy { _ in (0..<3).contains(source.integer(below: 3)) })
  }

  @Test("observers see every op with its line, backward ones with the line of the node")
  func observation() {
    final class Log: OperationObserver {
      let lines = Mutex<[String]>([])
      func didApply(_ event: OperationEvent) {
        lines.withLock { $0.append("\(event.name) \(event.isBackward) \(event.site.line)") }
      }
    }
    let log = Log()
    let x = Tensor(3, dtype: .float64).tracked()
    let line: UInt = #line + 2
    observing(log) {
      let y = apply(SquareAndCube(), to: Tensors(x))[0]
      _ = y.gradients()
    }
    let lines = log.lines.withLock { $0 }
    #expect(lines.first == "squareAndCube false \(line)")
    #expect(lines.dropFirst().allSatisfy { $0.hasSuffix(" true \(line)") }, "\(lines)")
    #expect(lines.count > 1)
  }

  @Test("the first op that makes a value that is not finite is named, forward and backward")
  func anomalies() throws {
    final class Box: Sendable { let found = Mutex<[Anomaly]>([]) }
    let box = Box()
    let line: UInt = #line + 3
    detectingAnomalies(report: { anomaly in box.found.withLock { $0.append(anomaly) } }) {
      let x = Tensor([1, 0, 2])
      let y = apply(Reciprocal(), to: Tensors(x))[0]
      _ = y * 2
    }
    let found = box.found.withLock { $0 }
    let first = try #require(found.first)
    #expect(found.count == 1)
    #expect(first.operation == "reciprocal")
    #expect(first.index == 1)
    #expect(first.site.line == line)

    let backward = Box()
    let origin: UInt = #line + 3
    detectingAnomalies(report: { anomaly in backward.found.withLock { $0.append(anomaly) } }) {
      let x = Tensor([1e-30], dtype: .float32).tracked()
      let y = apply(Reciprocal(), to: Tensors(x))[0]
      _ = gradients(of: y, withRespectTo: [x], cotangent: Tensor([1]))
    }
    let anomaly = try #require(backward.found.withLock { $0 }.first)
    #expect(anomaly.operation.hasSuffix("in the backward of reciprocal"))
    #expect(anomaly.site.line == origin)
  }
}

/// a + b for equal shapes, with named operands.
struct Add: TensorOperation {
  let left: String
  static var inputNames: [String] { ["left", "right"] }
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs[0].shape == inputs[1].shape else {
      throw Misuse("the shapes \(inputs[0].shape) and \(inputs[1].shape) differ")
    }
    return [inputs[0].spec]
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (a, b) = (inputs[0], inputs[1])
    return withoutGradients { [a + b] }
  }
  func backward(_ node: borrowing Differential) -> Tensors { [node.cotangent, node.cotangent] }
}

/// 1 / x.
struct Reciprocal: TensorOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return withoutGradients { [1 / x] }
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    return [node.cotangent * (-1 / x) * (1 / x)]
  }
}

extension ScopeTests {
  @Test("a model can be built inside a dry run")
  func modelInDryRun() throws {
    let shape = try dryRun {
      let weight = Parameter(.zeros([3]))
      return (Tensor.shape([2, 3]) * weight).shape
    }
    #expect(shape == [2, 3])
  }

  @Test("a misuse of an operator names no line of the framework, but the operands' origins")
  func operatorMisuse() throws {
    var text = ""
    do {
      _ = try dryRun { Tensor.shape([2, 3]) + Parameter(.zeros([4]), name: "scale") }
    } catch { text = "\(error)" }
    #expect(text.contains("right [4] float32 parameter \"scale\""), "\(text)")
    #expect(
      text.contains("called by an operator") || text.contains("called at ScopeTests.swift:"),
      "\(text)")
    #expect(!text.contains("Arithmetic.swift"), "\(text)")
  }
}
