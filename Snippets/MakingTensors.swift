// Making tensors of Swift values, taking parts of them by subscripts, and reading them back.

import Tapestry

warnIfBuiltForDebug()

// A list that is written out is float32; an array is of its own elements' type.
let grid = Tensor([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
let floats: [Float] = [0.5, 1.5]
let labels = [3, 1]
let nested: [[[Bool]]] = [[[true, false]], [[false, true]]]
print("\(Tensor(floats).spec), \(Tensor(labels).spec), \(Tensor(nested).spec)")
print("\(Tensor.zeros([2, 3]).spec), \(Tensor.range(4, from: 1, step: 0.5))")

// Subscripts: an index takes its axis away, a range keeps it; `...` stands for the axes before.
print("row 0      \(grid[0])")
print("last row   \(grid[-1])")
print("column 2   \(grid[.all, 2])")
print("column 0   \(grid[..., 0])")
print("corner\n\(grid[1..<3, 2...])")
print("every other, backwards \(grid[0, stride(from: 3, through: 0, by: -2)])")

// A mask takes what is true, a tensor of indices takes rows in its order. Gradients flow back to what was taken.
print("above 9    \(grid[grid .> 9])")
let x = grid.tracked()
let y = x[Tensor([2, 0, 2], dtype: .int64)].sum()
print("taken twice, once, not at all\n\(y.gradients()[x]!)")

// Back in Swift: all elements, the rows, or the only number.
print(grid[0].array(of: Float.self), grid[..<2, ..<2].array(of: [Int].self), grid[0, 0].item)
