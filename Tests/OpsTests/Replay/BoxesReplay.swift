import TapestryGraph
import TapestryOps
import TestSupport

let boxesReplay: [String: ReferenceOperation] = [:]
