import TapestryGraph
import TapestryOps
import TestSupport

extension ReferenceAttributes {
  fileprivate var mode: PaddingMode {
    switch string("mode") {
    case "reflect": .reflect
    case "replicate": .replicate
    case "circular": .circular
    default: .constant
    }
  }

  fileprivate var padding: Padding2d {
    let sides = ints("padding")
    return Padding2d(top: sides[0], left: sides[1], bottom: sides[2], right: sides[3])
  }
}

let rearrangementReplay: [String: ReferenceOperation] = [
  "rolled": { [$1[0].rolled(by: $0.ints("shifts"), along: $0.ints("axes"))] },
  "tiled": { [$1[0].tiled($0.ints("repeats"))] },
  "repeatedElements": { attributes, inputs in
    let axis = attributes.int("axis")
    if attributes.isList("counts") {
      return [inputs[0].repeatedElements(attributes.ints("counts"), along: axis)]
    }
    return [inputs[0].repeatedElements(attributes.int("counts"), along: axis)]
  },
  "movedAxis": { [$1[0].movedAxis(from: $0.ints("from"), to: $0.ints("to"))] },
  "windows": {
    [$1[0].windows(size: $0.int("size"), step: $0.int("step"), along: $0.int("axis"))]
  },
  "pixelShuffle": { [pixelShuffle($1[0], factor: $0.int("factor"))] },
  "pixelUnshuffle": { [pixelUnshuffle($1[0], factor: $0.int("factor"))] },
  "channelShuffle": { [channelShuffle($1[0], groups: $0.int("groups"))] },
  "meshgrid": {
    meshgrid($1.tensors, indexing: $0.string("indexing") == "xy" ? .xy : .ij)
  },
  "padded": { attributes, inputs in
    let pairs = attributes.intPairs("padding").map { (before: $0[0], after: $0[1]) }
    return [inputs[0].padded(pairs, mode: attributes.mode)]
  },
  "unfold2d": { attributes, inputs in
    [
      unfold2d(
        inputs[0], window: attributes.pair("kernel"), stride: attributes.pair("stride"),
        padding: attributes.padding, dilation: attributes.pair("dilation"))
    ]
  },
  "fold2d": { attributes, inputs in
    [
      fold2d(
        inputs[0], outputSize: attributes.pair("outputSize"), window: attributes.pair("kernel"),
        stride: attributes.pair("stride"), padding: attributes.padding,
        dilation: attributes.pair("dilation"))
    ]
  },
  "scatter": { [$1[0].scatter($1[2], at: $1[1], along: $0.int("axis"))] },
  "scatterAdd": { [$1[0].scatterAdd($1[2], at: $1[1], along: $0.int("axis"))] },
  "indexAdd": {
    [$1[0].indexAdd($1[2], at: $1[1], along: $0.int("axis"), scale: $0.double("scale"))]
  },
  "maskedFill": { [$1[0].maskedFill(where: $1[1] .!= 0, with: $0.double("value"))] },
  "maskedSelect": { _, inputs in [inputs[0].maskedSelect(where: inputs[1] .!= 0)] },
  "oneHot": { [oneHot($1[0], classes: $0.int("classes"))] },
]
