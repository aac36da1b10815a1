import TapestryGraph
import TapestryOps
import TestSupport

let algebraReplay: [String: ReferenceOperation] = [:]
