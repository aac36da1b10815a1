import TapestryPictures

extension GraphDrawing {
  /// The blocks that frames are drawn around, each with a number.
  struct FrameNames {
    private(set) var names: [[String]] = []
    private var places: [[String]: Int] = [:]

    mutating func add(_ block: [String]) {
      guard places[block] == nil else { return }
      places[block] = names.count
      names.append(block)
    }

    /// The frames that a box lies in, outermost first.
    func places(of box: Box) -> [Int] {
      box.blocks.indices.compactMap { places[Array(box.blocks[...$0])] }
    }
  }

  /// A frame around the boxes of a block.
  struct Frame {
    var name: String
    var repeats: Int
    var x: Double
    var y: Double
    var width: Double
    var height: Double

    func draw(on picture: inout SVGPicture) {
      picture.rectangle(
        x: x, y: y, width: width, height: height, fill: "wash", stroke: "faint", radius: 9)
    }

    /// The name, legible on top of the edges that pass it.
    func drawName(on picture: inout SVGPicture) {
      picture.text(
        repeats > 1 ? "\(name)  and \(repeats - 1) more like it" : name, x: x + 9, y: y + 15,
        size: 11, color: repeats > 1 ? "ink" : "soft", isBold: repeats > 1, halo: "wash")
    }
  }

  var frameNames: FrameNames {
    var names = FrameNames()
    for box in boxes {
      for length in box.blocks.indices { names.add(Array(box.blocks[...length])) }
    }
    return names
  }

  /// The frames, outer ones first. One that would cut through a box of another block is left out.
  func frames(_ names: FrameNames, _ layout: LayeredLayout) -> [Frame] {
    let spacing = LayeredLayout.Spacing()
    var result: [(depth: Int, frame: Frame)] = []
    for (place, block) in names.names.enumerated() {
      let members = boxes.indices.filter { names.places(of: boxes[$0]).contains(place) }
      var levels = 0
      for member in members { levels = max(levels, boxes[member].blocks.count - block.count) }
      let side = spacing.frameSide * Double(levels + 1) * 0.9
      func rectangle(_ box: Int) -> (left: Double, top: Double, right: Double, bottom: Double) {
        let center = layout.center(of: box)
        let item = layout.items[box]
        return (
          center.x - item.width / 2, center.y - item.height / 2, center.x + item.width / 2,
          center.y + item.height / 2
        )
      }
      let areas = members.map(rectangle)
      guard let left = areas.map(\.left).min(), let right = areas.map(\.right).max() else {
        continue
      }
      let firstRank = members.map { layout.ranks[$0] }.min() ?? 0
      let lastRank = members.map { layout.ranks[$0] }.max() ?? 0
      func opens(_ length: Int, _ box: Int, _ rank: Int, first: Bool) -> Bool {
        let name = Array(boxes[box].blocks[..<length])
        let ranks = boxes.indices.filter { boxes[$0].blocks.starts(with: name) }.map {
          layout.ranks[$0]
        }
        return (first ? ranks.min() : ranks.max()) == rank
      }
      func nested(_ rank: Int, first: Bool) -> Int {
        var count = 0
        for member in members where layout.ranks[member] == rank {
          let lengths = (block.count + 1..<max(boxes[member].blocks.count + 1, block.count + 1))
          count = max(count, lengths.filter { opens($0, member, rank, first: first) }.count)
        }
        return count
      }
      let top =
        layout.rankTop[firstRank] - 4
        - spacing.frameTop * Double(nested(firstRank, first: true) + 1) + 4
      let bottom =
        layout.rankTop[lastRank] + layout.rankHeight[lastRank] + spacing.frameBottom
        * Double(nested(lastRank, first: false) + 1)
      let isCut = boxes.indices.contains { box in
        guard !members.contains(box) else { return false }
        let area = rectangle(box)
        return area.left < right + side && area.right > left - side && area.top < bottom
          && area.bottom > top
      }
      if isCut { continue }
      let name = block.joined(separator: ".")
      result.append(
        (
          block.count,
          Frame(
            name: name, repeats: blockRepeats[name] ?? 1, x: left - side, y: top,
            width: right - left + 2 * side, height: bottom - top)
        ))
    }
    return result.sorted { $0.depth < $1.depth }.map(\.frame)
  }
}
