import TapestryGraph
import TapestryOps
import TestSupport

let activationReplay: [String: ReferenceOperation] = [:]
