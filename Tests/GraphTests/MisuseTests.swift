import TapestryGraph
import TapestryOps
import Testing

/// Programmer errors end the process with words, in release builds too.
@Suite("Misuse")
struct MisuseTests {
  /// The standard error of a failed exit test as text.
  private func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @Test("shapes that do not broadcast: op, shapes, origins, line")
  func shapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let weight = Parameter(Tensor.ones([4]), name: "scale")
      _ = Tensor.ones([2, 3]) * 2 + weight
    }
    let message = text(result)
    #expect(message.contains("add: the shapes [2, 3] and [4] do not broadcast"), "\(message)")
    #expect(message.contains("right [4] float32 parameter \"scale\""), "\(message)")
  }

  @Test("a named op points at the user's line")
  func line() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = apply(Add(left: "x"), to: Tensors(Tensor.ones([2]), Tensor.ones([3])))
    }
    #expect(text(result).contains("MisuseTests.swift:\(#line - 3)"), "\(text(result))")
  }

  @Test("a released graph names the backward pass that released it")
  func released() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Parameter(Tensor(2))
      let shared = x * x
      _ = (shared * 2).gradients()
      _ = (shared * 3).gradients()
    }
    let message = text(result)
    #expect(
      message.contains(
        "multiply: the values of this graph were released by the backward pass at MisuseTests.swift:"
      ),
      "\(message)")
    #expect(message.contains("pass retaining: true there"))
  }

  @Test("the gradient of an untracked tensor, and of an output that nothing was recorded for")
  func untracked() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Tensor(2)
      _ = (Tensor(2).tracked() * x).gradients()[x]
    }
    #expect(text(result).contains("let x = x.tracked()"), "\(text(result))")
    let output = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = (Tensor(2) * 2).gradients()
    }
    #expect(text(output).contains("does not depend on a tracked tensor"), "\(text(output))")
  }

  @Test("a loss with several elements and no cotangent")
  func notScalar() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = (Parameter(Tensor([1, 2])) * 2).gradients()
    }
    #expect(
      text(result).contains("has shape [2], not one element; pass a cotangent"), "\(text(result))")
  }

  @Test("two threads on one graph: the second is refused with words")
  func twoWalks() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Tensor(2, dtype: .float64).tracked()
      let y = customOperation("reentrant", [x], forward: { [$0[0] * 2] }) { _, outputs, g in
        _ = outputs[0].gradients(retaining: true)
        return [g[0]]
      }[0]
      _ = (y * y).gradients(retaining: true)
    }
    #expect(text(result).contains("another walk over this graph is under way"), "\(text(result))")
  }

  @Test(
    "a backward of the wrong shape, one that reads what it did not keep, and a forward that breaks its rule"
  )
  func brokenOperations() async {
    struct Wrong: TensorOperation {
      let fault: Int
      var keeps: Kept { .nothing }
      func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
        [fault == 2 ? TensorSpec([7], .float32) : inputs[0].spec]
      }
      func forward(_ inputs: borrowing Tensors) -> Tensors { [inputs[0]] }
      func backward(_ node: borrowing Differential) -> Tensors {
        fault == 0 ? [Tensor([1, 2, 3])] : [node.input(0)]
      }
    }
    let shape = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = apply(Wrong(fault: 0), to: [Parameter(Tensor(1))])[0].gradients()
    }
    #expect(
      text(shape).contains(
        "wrong: backward returned [3] float32 as the gradient of input 0, which is [] float32"),
      "\(text(shape))")
    let unkept = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = apply(Wrong(fault: 1), to: [Parameter(Tensor(1))])[0].gradients()
    }
    #expect(
      text(unkept).contains("wrong: backward reads input 0, but `keeps` does not name it"),
      "\(text(unkept))")
    let forward = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = apply(Wrong(fault: 2), to: [Tensor(1)])
    }
    #expect(text(forward).contains("but its shape rule announced"), "\(text(forward))")
  }

  @Test("a backward that leaves out inputs, a jvp that leaves out results, an op without results")
  func missingGradients() async {
    struct Halves: TensorOperation {
      func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
        [inputs[0].spec, inputs[0].spec]
      }
      func forward(_ inputs: borrowing Tensors) -> Tensors {
        withoutGradients { [inputs[0] * 0.5, inputs[1] * 0.5] }
      }
      func backward(_ node: borrowing Differential) -> Tensors { [node.cotangent(0)] }
      func jvp(_ node: borrowing Differential) -> Tensors { [node.tangent(0)] }
    }
    let backward = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Parameter(Tensor(1))
      _ = apply(Halves(), to: [x, x])[0].gradients()
    }
    #expect(
      text(backward).contains(
        "halves: backward returned 1 gradient for 2 inputs (input 0, input 1); return one for each"),
      "\(text(backward))")
    let forward = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = jvp(at: [Tensor(1)], along: [Tensor(1)]) { apply(Halves(), to: [$0[0], $0[0]])[1] }
    }
    #expect(
      text(forward).contains("halves: jvp returned 1 tangents for 2 results"), "\(text(forward))")
    let closures = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Parameter(Tensor(1))
      _ = customOperation("pair", [x, x], forward: { [$0[0] * $0[1]] }) { _, _, _ in [] }[0]
        .gradients()
    }
    #expect(
      text(closures).contains("pair: backward returned 0 gradients for 2 inputs"),
      "\(text(closures))")
    let nothing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Specs([TensorSpec]())
    }
    #expect(text(nothing).contains("an op has at least one result"), "\(text(nothing))")
  }

  @Test("a placeholder outside a dry run")
  func placeholder() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.shape([2]) * 2
    }
    #expect(text(result).contains("placeholder without values"), "\(text(result))")
  }
}
