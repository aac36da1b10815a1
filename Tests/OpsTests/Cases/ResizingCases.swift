import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  private static let resizes: [OpCase] = ResizeMethod.allCases.flatMap { method in
    [
      OpCase(
        "resize", "\(method), images", inputs: [sample([2, 2, 4, 5])],
        large: { [sample([3, 8, 60, 47])] }
      ) { x in
        let size = x[0].shape[2] > 10 ? [133, 40] : [7, 3]
        return [resize(x[0], size: size, method: method)]
      },
      OpCase("resize", "\(method), a sequence by a factor", inputs: [sample([1, 3, 5])]) {
        [resize($0[0], scale: [1.7], method: method)]
      },
      OpCase("resize", "\(method), a volume", inputs: [sample([1, 2, 2, 3, 4])]) {
        [resize($0[0], size: [3, 2, 5], method: method)]
      },
    ]
  }

  private static let samples: [OpCase] = GridPadding.allCases.flatMap { padding in
    [
      OpCase(
        "gridSample", "\(padding)", inputs: [sample([2, 2, 4, 5]), sample([2, 3, 2, 2], seed: 5)]
      ) { [gridSample($0[0], grid: $0[1] * 0.4, padding: padding)] },
      OpCase("gridSample", "\(padding), aligned, nearest", inputs: [sample([1, 2, 4, 5])]) { x in
        let grid = sample([1, 3, 2, 2], seed: 5, dtype: x[0].dtype) * 0.6
        return [
          gridSample(x[0], grid: grid, method: .nearest, padding: padding, alignCorners: true)
        ]
      },
    ]
  }

  static let resizing: [OpCase] =
    resizes + samples + [
      OpCase("resize", "bilinear, aligned", inputs: [sample([1, 2, 3, 4])]) {
        [resize($0[0], size: [5, 7], method: .linear, alignCorners: true)]
      },
      OpCase("resize", "one pixel", inputs: [sample([1, 2, 1, 1])]) {
        [resize($0[0], size: [3, 2], method: .cubic)]
      },
      OpCase(
        "resize", "antialiased", inputs: [sample([1, 2, 9, 8])],
        large: { [sample([2, 4, 90, 83])] }
      ) { x in
        [
          resize(x[0], scale: [0.4, 0.5], method: .linear, antialias: true),
          resize(x[0], scale: [0.4, 0.5], method: .cubic, antialias: true),
        ]
      },
      OpCase("resize", "an image used twice", inputs: [sample([1, 1, 3, 3])]) { x in
        let y = resize(x[0], scale: [2, 2], method: .linear)
        return [y * y + resize(x[0], size: [6, 6])]
      },
      OpCase(
        "gridSample", "a volume",
        inputs: [sample([1, 2, 3, 4, 3]), sample([1, 2, 2, 2, 3], seed: 6)]
      ) {
        [gridSample($0[0], grid: $0[1] * 0.4)]
      },
      OpCase("affineGrid", inputs: [sample([2, 2, 3])]) {
        [affineGrid($0[0], size: [2, 1, 3, 4])]
      },
      OpCase("affineGrid", "a volume, aligned", inputs: [sample([1, 3, 4])]) {
        [affineGrid($0[0], size: [1, 1, 2, 1, 3], alignCorners: true)]
      },
    ]
}

extension MisuseCase {
  static let resizing: [MisuseCase] = [
    MisuseCase(
      "resize, axes", says: "resize: the input needs 3 to 5 axes, [batch, channels, ...], not 2"
    ) {
      _ = resize(.shape([3, 5]), size: [])
    },
    MisuseCase(
      "resize, sizes", says: "resize: 1 sizes for the 2 axes behind the channels of [1, 3, 5, 5]"
    ) {
      _ = resize(.shape([1, 3, 5, 5]), size: [4])
    },
    MisuseCase("resize to nothing", says: "resize: the new sizes [4, 0] are not all in 1 ...") {
      _ = resize(.shape([1, 3, 5, 5]), size: [4, 0])
    },
    MisuseCase("resize by nothing", says: "resize: a factor is positive and finite, not -1.0") {
      _ = resize(.shape([1, 3, 5, 5]), scale: [2, -1])
    },
    MisuseCase("resize to too much", says: "resize: the new sizes") {
      _ = resize(.shape([1, 3, 5, 5]), size: [.max, .max])
    },
    MisuseCase("resize without pixels", says: "resize: there are no pixels in [1, 3, 0, 5]") {
      _ = resize(.shape([1, 3, 0, 5]), size: [4, 4])
    },
    MisuseCase("resize, corners", says: "resize: alignCorners goes with .linear and .cubic") {
      _ = resize(.shape([1, 3, 5, 5]), size: [4, 4], alignCorners: true)
    },
    MisuseCase("resize, antialias", says: "resize: antialias goes with .linear and .cubic") {
      _ = resize(.shape([1, 3, 5, 5]), size: [4, 4], method: .area, antialias: true)
    },
    MisuseCase("resize of integers", says: "resize: needs float32 or float64, not int64") {
      _ = resize(.shape([1, 3, 5, 5], dtype: .int64), size: [4, 4])
    },
    MisuseCase(
      "gridSample, grid",
      says:
        "gridSample: the grid has 2 coordinates for every place, [1, ..., 2] with 4 axes, not [1, 4, 4, 3]"
    ) {
      _ = gridSample(.shape([1, 3, 5, 5]), grid: .shape([1, 4, 4, 3]))
    },
    MisuseCase(
      "gridSample, method", says: "gridSample: the method is .linear or .nearest, not .area"
    ) {
      _ = gridSample(.shape([1, 3, 5, 5]), grid: .shape([1, 4, 4, 2]), method: .area)
    },
    MisuseCase(
      "affineGrid, theta", says: "affineGrid: theta is a matrix a sample, [2, 2, 3], not [2, 3, 3]"
    ) {
      _ = affineGrid(.shape([2, 3, 3]), size: [2, 1, 4, 4])
    },
  ]
}
