import TapestryGraph
import TapestryOps
import TestSupport

let activationReplay: [String: ReferenceOperation] = [
  "silu": { [silu($1[0])] },
  "hardSwish": { [hardSwish($1[0])] },
  "hardSigmoid": { [hardSigmoid($1[0])] },
  "relu6": { [relu6($1[0])] },
  "hardTanh": { [hardTanh($1[0], min: $0.double("min"), max: $0.double("max"))] },
  "mish": { [mish($1[0])] },
  "prelu": { [prelu($1[0], slope: $1[1])] },
  "softsign": { [softsign($1[0])] },
  "selu": { [selu($1[0])] },
  "celu": { [celu($1[0], alpha: $0.double("alpha"))] },
  "logSigmoid": { [logSigmoid($1[0])] },
  "glu": { [glu($1[0], axis: $0.int("axis"))] },
  "softShrink": { [softShrink($1[0], threshold: $0.double("threshold"))] },
  "hardShrink": { [hardShrink($1[0], threshold: $0.double("threshold"))] },
  "tanhShrink": { [tanhShrink($1[0])] },
  "geluTanh": { [gelu($1[0], approximate: .tanh)] },
  "softmin": { [softmin($1[0], axis: $0.int("axis"))] },
]
