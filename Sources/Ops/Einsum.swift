import TapestryGraph

// Sums of products of tensors by the names of their axes (Einstein's convention).

/// An operand on its way: a tensor and the labels of its axes.
private struct EinsumTerm {
  var tensor: Tensor
  var labels: [UInt8]
}

/// The sum of products that the equation says: every letter names an axis, and the result is summed over those that it lacks.
///
/// `einsum("bij,bjk->bik", a, b)` is a batched matrix product, `"ii->i"` a diagonal, `"i,j->ij"` an outer product. A letter that stands twice
/// in one operand is its diagonal. Without `->` the result has the letters that occur once, in alphabetical order, capitals first, after the
/// ellipsis. `...` stands for any number of axes, which broadcast, aligned at their right; where the result omits it they are summed over.
/// Spaces mean nothing.
///
/// Several operands are multiplied two at a time, in the order with the fewest multiplications; each of these products is a batched matrix
/// product, which reads its operands in place where their axes allow it.
///
/// - Parameters:
///   - equation: letters a-z and A-Z, `...`, commas between the operands, `->` before the result.
///   - operands: one or more, of one floating-point type.
/// - Precondition: the letters fit the axes; sizes of one letter are equal, or 1.
public func einsum(
  _ equation: String, _ operands: Tensor..., file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  einsum(equation, operands, file: file, line: line)
}

/// The sum of products that the equation says, of a list of operands.
///
/// - Precondition: the letters fit the axes; sizes of one letter are equal, or 1.
public func einsum(
  _ equation: String, _ operands: [Tensor], file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  var parsed: EinsumEquation?
  var order: [(Int, Int)] = []
  let named = operands.enumerated().map { (name: "operand \($0.offset)", tensor: $0.element) }
  let refused = refusal(of: "einsum", named, file: file, line: line) { () throws(Misuse) in
    guard !operands.isEmpty else { throw Misuse("there are no operands") }
    try requireSameType(Tensors(operands))
    let equation = try EinsumEquation(equation, operands.map(\.shape))
    _ = try TensorShape(checked: equation.result.map { equation.sizes[Int($0)] })
    let found = contractionOrder(
      operands.indices.map(equation.contracted), result: Set(equation.result),
      sizes: equation.sizes)
    guard let found else {
      throw Misuse(
        "every order of these products needs an intermediate result with more than six axes")
    }
    order = found
    parsed = equation
  }
  if let refused { return refused }
  let equation = parsed!
  var terms: [EinsumTerm?] = []
  for (index, tensor) in operands.enumerated() {
    var needed = Set(equation.result)
    for other in operands.indices where other != index {
      needed.formUnion(equation.contracted(other))
    }
    terms.append(
      prepared(tensor, equation.operands[index], equation.sizes, needed, file: file, line: line))
  }
  for (step, pair) in order.enumerated() {
    let (a, b) = (terms[pair.0]!, terms[pair.1]!)
    (terms[pair.0], terms[pair.1]) = (nil, nil)
    let isLast = step == order.count - 1
    let needed = terms.reduce(into: Set(equation.result)) { $0.formUnion($1?.labels ?? []) }
    let common = a.labels.filter { b.labels.contains($0) && needed.contains($0) }
    let kept =
      common + a.labels.filter { !common.contains($0) && needed.contains($0) }
      + b.labels.filter { !common.contains($0) && needed.contains($0) }
    // The last product goes where the result wants it.
    let labels = isLast ? equation.result : kept
    let product = Contraction(
      function: "einsum", left: a.labels, right: b.labels, result: labels)
    let tensor = apply(product, to: Tensors(a.tensor, b.tensor), file: file, line: line)[0]
    terms.append(EinsumTerm(tensor: tensor, labels: labels))
  }
  let last = terms.last!!
  if last.labels == equation.result { return last.tensor }
  let permutation = equation.result.map { last.labels.firstIndex(of: $0)! }
  return last.tensor.transposed(permutation, file: file, line: line)
}

/// An operand without repeated letters, without axes of size 1 that stand for more, and summed over what nobody else has.
private func prepared(
  _ tensor: Tensor, _ labels: [UInt8], _ sizes: [Int], _ needed: Set<UInt8>, file: StaticString,
  line: UInt
) -> EinsumTerm {
  var term = EinsumTerm(tensor: tensor, labels: labels)
  if Set(labels).count < labels.count {
    var (distinct, own, strides): ([UInt8], [Int], [Int64]) = ([], [], [])
    for (axis, stride) in tensor.shape.strides.enumerated() {
      if let place = distinct.firstIndex(of: labels[axis]) {
        strides[place] += Int64(stride)
      } else {
        distinct.append(labels[axis])
        own.append(tensor.shape[axis])
        strides.append(Int64(stride))
      }
    }
    let layout = StridedLayout(
      shape: tensor.shape, sizes: TensorShape(own), strides: strides, start: 0, isInjective: true)
    let diagonal = StridedPart(function: "einsum", layout: layout)
    term.tensor = apply(diagonal, to: Tensors(tensor), file: file, line: line)[0]
    term.labels = distinct
  }
  let shape = term.tensor.shape
  let narrow = term.labels.indices.filter { shape[$0] == 1 && sizes[Int(term.labels[$0])] != 1 }
  if !narrow.isEmpty {
    let kept = term.labels.indices.filter { !narrow.contains($0) }
    term.tensor = term.tensor.reshaped(to: kept.map { shape[$0] }, file: file, line: line)
    term.labels = kept.map { term.labels[$0] }
  }
  let lonely = term.labels.indices.filter { !needed.contains(term.labels[$0]) }
  if !lonely.isEmpty {
    term.tensor = term.tensor.sum(along: Array(lonely), file: file, line: line)
    term.labels = term.labels.filter { needed.contains($0) }
  }
  return term
}

/// Which two terms to multiply at each step, `nil` where every order has intermediate results with too many axes; their product is appended to the list. The fewest multiplications for up to eight operands, found
/// over all subsets; beyond that the cheapest product at every step.
private func contractionOrder(
  _ operands: [Set<UInt8>], result: Set<UInt8>, sizes: [Int]
) -> [(Int, Int)]? {
  let count = operands.count
  if count == 1 { return [] }
  if count == 2 { return [(0, 1)] }
  func cost(_ labels: Set<UInt8>) -> Double { labels.reduce(1) { $0 * Double(sizes[Int($1)]) } }
  if count > 8 { return greedyOrder(operands, result: result, cost: cost) }
  // The labels that a subset's product keeps: those that the result or another operand has.
  let subsets = 1 << count
  func kept(_ subset: Int) -> Set<UInt8> {
    var (inside, outside) = (Set<UInt8>(), result)
    for index in 0..<count {
      if subset >> index & 1 == 1 {
        inside.formUnion(operands[index])
      } else {
        outside.formUnion(operands[index])
      }
    }
    return inside.intersection(outside)
  }
  let labels = (0..<subsets).map(kept)
  var best = [(cost: Double, part: Int)](repeating: (.infinity, 0), count: subsets)
  for subset in 1..<subsets {
    if subset & (subset - 1) == 0 {
      best[subset] = (0, 0)
      continue
    }
    if labels[subset].count > TensorShape.maximumRank { continue }
    let lowest = subset & -subset
    var part = (subset - 1) & subset
    while part > 0 {
      if part & lowest != 0 {
        let rest = subset ^ part
        let total = best[part].cost + best[rest].cost + cost(labels[part].union(labels[rest]))
        if total < best[subset].cost { best[subset] = (total, part) }
      }
      part = (part - 1) & subset
    }
  }
  guard best[subsets - 1].cost < .infinity else { return nil }
  var order: [(Int, Int)] = []
  var next = count
  // Operands before products: a subset is multiplied when both its parts have been.
  func place(_ subset: Int) -> Int {
    if subset & (subset - 1) == 0 { return subset.trailingZeroBitCount }
    let (first, second) = (place(best[subset].part), place(subset ^ best[subset].part))
    order.append((first, second))
    next += 1
    return next - 1
  }
  _ = place(subsets - 1)
  return order
}

private func greedyOrder(
  _ operands: [Set<UInt8>], result: Set<UInt8>, cost: (Set<UInt8>) -> Double
) -> [(Int, Int)]? {
  var terms = operands.map(Optional.some)
  var order: [(Int, Int)] = []
  for _ in 1..<operands.count {
    var best: (cost: Double, pair: (Int, Int), kept: Set<UInt8>)?
    for first in terms.indices where terms[first] != nil {
      for second in terms.indices where second > first && terms[second] != nil {
        let both = terms[first]!.union(terms[second]!)
        var needed = result
        for other in terms.indices where other != first && other != second {
          needed.formUnion(terms[other] ?? [])
        }
        let (kept, price) = (both.intersection(needed), cost(both))
        guard kept.count <= TensorShape.maximumRank else { continue }
        if best == nil || price < best!.cost { best = (price, (first, second), kept) }
      }
    }
    guard let best else { return nil }
    order.append(best.pair)
    (terms[best.pair.0], terms[best.pair.1]) = (nil, nil)
    terms.append(best.kept)
  }
  return order
}
