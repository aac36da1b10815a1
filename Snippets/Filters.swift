// What a filter does to an image: the classic table of 3x3 filters, applied to a handwritten digit by one
// convolution with seven filters. A ConvNet learns numbers like these by itself.

import Tapestry

warnIfBuiltForDebug()

let table: [(name: String, values: [Double])] = [
  ("identity", [0, 0, 0, 0, 1, 0, 0, 0, 0]),
  ("edges, diagonal", [1, 0, -1, 0, 0, 0, -1, 0, 1]),
  ("edges, 4 sides", [0, 1, 0, 1, -4, 1, 0, 1, 0]),
  ("edges, 8 sides", [-1, -1, -1, -1, 8, -1, -1, -1, -1]),
  ("sharpen", [0, -1, 0, -1, 5, -1, 0, -1, 0]),
  ("box blur", [1, 1, 1, 1, 1, 1, 1, 1, 1].map { $0 / 9 }),
  ("Gaussian blur", [1, 2, 1, 2, 4, 2, 1, 2, 1].map { $0 / 16 }),
]

// Pixels are 0 (blank) to 1 (ink).
let digit = try ImageSet.digits.batch(of: [3]).images
let filters = Tensor(table.flatMap(\.values), shape: [table.count, 1, 3, 3])
let maps = conv2d(digit, filters, padding: .same)
print("\(digit.shape) convolved with \(filters.shape) gives \(maps.shape)\n")

/// The rows of one feature map in characters: what is not positive stays blank, two characters a pixel.
func drawing(of map: Tensor) -> [String] {
  let shades = Array(" .:-=+*#%@")
  let pixels = clip(map, min: 0, max: 1).scalars()
  // A little more than the value, so that rounding errors of halves change no character.
  let levels = pixels.map { Int(($0 * 9 + 0.001).rounded()) }
  let characters = levels.map { String(repeating: shades[$0], count: 2) }
  return (0..<8).map { row in characters[row * 8..<row * 8 + 8].joined() }
}

func padded(_ text: String) -> String { text + String(repeating: " ", count: 18 - text.count) }

for first in stride(from: 0, to: table.count, by: 4) {
  let shown = first..<min(first + 4, table.count)
  let drawings = shown.map { drawing(of: maps.sliced($0..<$0 + 1, along: 1)) }
  print(shown.map { padded(table[$0].name) }.joined())
  for row in 0..<8 { print(drawings.map { padded($0[row]) }.joined()) }
}
