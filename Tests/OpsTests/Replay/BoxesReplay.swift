import TapestryGraph
import TapestryOps
import TestSupport

let boxesReplay: [String: ReferenceOperation] = [
  "boxIoU": { _, inputs in [boxIoU(inputs[0], inputs[1])] },
  "generalizedBoxIoU": { _, inputs in [generalizedBoxIoU(inputs[0], inputs[1])] },
  "generalizedBoxIoULoss": { attributes, inputs in
    [
      generalizedBoxIoULoss(
        inputs[0], inputs[1], epsilon: attributes.double("epsilon"),
        reduction: attributes.reduction)
    ]
  },
  "distanceBoxIoULoss": { attributes, inputs in
    [
      distanceBoxIoULoss(
        inputs[0], inputs[1], epsilon: attributes.double("epsilon"),
        reduction: attributes.reduction)
    ]
  },
  "completeBoxIoULoss": { attributes, inputs in
    [
      completeBoxIoULoss(
        inputs[0], inputs[1], epsilon: attributes.double("epsilon"),
        reduction: attributes.reduction)
    ]
  },
  "nms": { attributes, inputs in
    [
      nonMaximumSuppression(
        inputs[0], scores: inputs[1], threshold: attributes.double("threshold"))
    ]
  },
  "batchedNMS": { attributes, inputs in
    [
      batchedNonMaximumSuppression(
        inputs[0], scores: inputs[1], classes: inputs[2],
        threshold: attributes.double("threshold"))
    ]
  },
  "roiAlign": { attributes, inputs in
    [
      roiAlign(
        inputs[0], regions: inputs[1], outputSize: attributes.pair("outputSize"),
        spatialScale: attributes.has("spatialScale") ? attributes.double("spatialScale") : 1,
        samplingRatio: attributes.has("samplingRatio") ? attributes.int("samplingRatio") : 0,
        aligned: attributes.has("aligned") && attributes.bool("aligned"))
    ]
  },
  "positionSensitiveRoiAlign": { attributes, inputs in
    [
      positionSensitiveRoiAlign(
        inputs[0], regions: inputs[1], outputSize: attributes.pair("outputSize"),
        spatialScale: attributes.has("spatialScale") ? attributes.double("spatialScale") : 1,
        samplingRatio: attributes.has("samplingRatio") ? attributes.int("samplingRatio") : 0)
    ]
  },
  "boxEncode": { attributes, inputs in
    [boxEncode(inputs[0], anchors: inputs[1], weights: attributes.doubles("weights"))]
  },
  "boxDecode": { attributes, inputs in
    [
      boxDecode(
        inputs[0], anchors: inputs[1], weights: attributes.doubles("weights"),
        limit: attributes.double("limit"))
    ]
  },
  "clipBoxes": { attributes, inputs in
    [clipBoxes(inputs[0], height: attributes.int("height"), width: attributes.int("width"))]
  },
  "removeSmallBoxes": { attributes, inputs in
    [removeSmallBoxes(inputs[0], minimumSize: attributes.double("minimumSize"))]
  },
  "boxConvert": { attributes, inputs in
    [
      boxConvert(
        inputs[0], from: BoxFormat(rawValue: attributes.string("from"))!,
        to: BoxFormat(rawValue: attributes.string("to"))!)
    ]
  },
]
