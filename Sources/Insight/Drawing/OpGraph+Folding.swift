extension OpGraph {
  /// A run of neighbouring ops that are drawn together: a block, or equal blocks in a row.
  struct Run {
    var block: [String]
    var range: Range<Int>
  }

  /// Leaves out all but the first of equal blocks that follow one another.
  ///
  /// Blocks are equal when they run the same ops with the same attributes, wired in the same way. Shapes may
  /// differ, as in a dense block: the text of a shape then names the first and the last.
  /// - Returns: how many blocks each first one stands for, by its name.
  /// - Parameters:
  ///   - limit: the depth below which blocks are left as they are, unless they are opened.
  ///   - open: blocks that are drawn with what is inside; they differ from those that are not.
  mutating func foldRepeats(upTo limit: Int?, keeping open: Set<[String]>) -> [String: Int] {
    var repeats: [String: Int] = [:]
    let deepest = ops.map(\.blocks.count).max() ?? 0
    // Outer blocks first: folding inner ones would change what they are compared by.
    let reach = open.isEmpty ? limit ?? deepest : deepest
    for depth in 1...max(min(deepest, reach), 1) {
      // Inside a block that is drawn as a box all is counted.
      foldRepeats(depth: depth, isFree: depth <= limit ?? deepest, open, &repeats)
    }
    return repeats
  }

  /// The runs of ops in blocks of this depth, in order.
  func runs(depth: Int) -> [Run] {
    var runs: [Run] = []
    for (index, op) in ops.enumerated() where op.blocks.count >= depth {
      let block = Array(op.blocks[..<depth])
      if let last = runs.last, last.block == block, last.range.upperBound == index {
        runs[runs.count - 1].range = last.range.lowerBound..<index + 1
      } else {
        runs.append(Run(block: block, range: index..<index + 1))
      }
    }
    return runs
  }

  private mutating func foldRepeats(
    depth: Int, isFree: Bool, _ open: Set<[String]>, _ repeats: inout [String: Int]
  ) {
    /// What is opened inside a block, by the names in it.
    func opened(_ block: [String]) -> Set<[String]> {
      Set(open.filter { $0.starts(with: block) }.map { Array($0.dropFirst(block.count)) })
    }
    let runs = runs(depth: depth)
    var target = Array(ops.indices)
    var isKept = [Bool](repeating: true, count: ops.count)
    var start = 0
    while start < runs.count {
      var end = start + 1
      while end < runs.count, isFree || open.contains(runs[end].block.dropLast()),
        follows(runs[end], runs[end - 1]),
        open.isEmpty || opened(runs[end].block) == opened(runs[end - 1].block)
      { end += 1 }
      if end - start > 1 {
        repeats[runs[start].block.joined(separator: ".")] = end - start
        for run in runs[start + 1..<end] {
          for (offset, index) in run.range.enumerated() {
            target[index] = runs[start].range.lowerBound + offset
            isKept[index] = false
          }
        }
        for (offset, index) in runs[start].range.enumerated() {
          let last = ops[runs[end - 1].range.lowerBound + offset].shape
          if ops[index].shape != last { ops[index].shape += " … \(last)" }
        }
      }
      start = end
    }
    guard isKept.contains(false) else { return }
    // Edges into a block that is left out are drawn into the first by its own; those out of it move there.
    var place = [Int](repeating: 0, count: ops.count)
    var kept: [Op] = []
    for index in ops.indices where isKept[index] {
      place[index] = kept.count
      kept.append(ops[index])
    }
    for index in kept.indices {
      var inputs: [Int] = []
      for input in kept[index].inputs.map({ place[target[$0]] })
      where input < index && !inputs.contains(input) { inputs.append(input) }
      kept[index].inputs = inputs
    }
    ops = kept
  }

  /// Whether `run` is an equal block whose input is the result of `before`.
  private func follows(_ run: Run, _ before: Run) -> Bool {
    guard run.block.dropLast() == before.block.dropLast(), run.block != before.block,
      run.range.lowerBound == before.range.upperBound, run.range.count == before.range.count
    else { return false }
    for (index, other) in zip(run.range, before.range) {
      guard ops[index].line == ops[other].line,
        ops[index].path.dropFirst(run.block.count) == ops[other].path.dropFirst(run.block.count),
        wiring(index, in: run.range) == wiring(other, in: before.range)
      else { return false }
    }
    return run.range.contains { ops[$0].inputs.contains { before.range.contains($0) } }
  }

  /// Where an op's operands come from, counted from the start of its run; -1 from outside.
  private func wiring(_ index: Int, in range: Range<Int>) -> Set<Int> {
    Set(ops[index].inputs.map { range.contains($0) ? $0 - range.lowerBound : -1 })
  }
}
