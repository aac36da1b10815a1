import TapestryGraph
import TapestryOps
import TestSupport

let scanReplay: [String: ReferenceOperation] = [:]
