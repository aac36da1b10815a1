import TapestryGraph
import TapestryOps
import TestSupport

let resizingReplay: [String: ReferenceOperation] = [
  "resize": { attributes, inputs in
    let methods: [String: ResizeMethod] = [
      "nearest": .nearest, "nearestExact": .nearestExact, "linear": .linear, "bilinear": .linear,
      "trilinear": .linear, "bicubic": .cubic, "area": .area,
    ]
    let method = methods[attributes.string("method")]!
    let alignCorners = attributes.has("alignCorners") && attributes.bool("alignCorners")
    let antialias = attributes.has("antialias") && attributes.bool("antialias")
    if attributes.has("size") {
      return [
        resize(
          inputs[0], size: attributes.ints("size"), method: method, alignCorners: alignCorners,
          antialias: antialias)
      ]
    }
    return [
      resize(
        inputs[0], scale: attributes.doubles("scale"), method: method, alignCorners: alignCorners,
        antialias: antialias)
    ]
  },
  "gridSample": { attributes, inputs in
    [
      gridSample(
        inputs[0], grid: inputs[1],
        method: attributes.string("method") == "nearest" ? .nearest : .linear,
        padding: GridPadding(rawValue: attributes.string("padding"))!,
        alignCorners: attributes.has("alignCorners") && attributes.bool("alignCorners"))
    ]
  },
  "affineGrid": { attributes, inputs in
    [
      affineGrid(
        inputs[0], size: TensorShape(attributes.ints("size")),
        alignCorners: attributes.has("alignCorners") && attributes.bool("alignCorners"))
    ]
  },
]
