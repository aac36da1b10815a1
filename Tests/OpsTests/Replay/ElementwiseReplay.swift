import TapestryGraph
import TapestryOps
import TestSupport

let elementwiseReplay: [String: ReferenceOperation] = [
  "add": { _, inputs in [inputs[0] + inputs[1]] },
  "subtract": { _, inputs in [inputs[0] - inputs[1]] },
  "multiply": { _, inputs in [inputs[0] * inputs[1]] },
  "divide": { _, inputs in [inputs[0] / inputs[1]] },
  "pow": { _, inputs in [pow(inputs[0], inputs[1])] },
  "maximum": { _, inputs in [maximum(inputs[0], inputs[1])] },
  "minimum": { _, inputs in [minimum(inputs[0], inputs[1])] },
  "where": { _, inputs in
    [select(where: inputs[0].converted(to: .bool), inputs[1], else: inputs[2])]
  },
  "negate": { _, inputs in [-inputs[0]] },
  "exp": { _, inputs in [exp(inputs[0])] },
  "log": { _, inputs in [log(inputs[0])] },
  "sqrt": { _, inputs in [sqrt(inputs[0])] },
  "square": { _, inputs in [square(inputs[0])] },
  "abs": { _, inputs in [abs(inputs[0])] },
  "sin": { _, inputs in [sin(inputs[0])] },
  "cos": { _, inputs in [cos(inputs[0])] },
  "tanh": { _, inputs in [tanh(inputs[0])] },
  "sigmoid": { _, inputs in [sigmoid(inputs[0])] },
  "relu": { _, inputs in [relu(inputs[0])] },
  "leakyRelu": { attributes, inputs in
    [leakyRelu(inputs[0], slope: attributes.double("slope"))]
  },
  "elu": { attributes, inputs in [elu(inputs[0], alpha: attributes.double("alpha"))] },
  "gelu": { _, inputs in [gelu(inputs[0])] },
  "softplus": { _, inputs in [softplus(inputs[0])] },
  "clip": { attributes, inputs in
    [clip(inputs[0], min: attributes.double("min"), max: attributes.double("max"))]
  },
  "powConstant": { attributes, inputs in [pow(inputs[0], attributes.double("exponent"))] },
]
