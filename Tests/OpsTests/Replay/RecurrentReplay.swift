import TapestryGraph
import TapestryOps
import TestSupport

let recurrentReplay: [String: ReferenceOperation] = [:]
