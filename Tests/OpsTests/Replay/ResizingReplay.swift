import TapestryGraph
import TapestryOps
import TestSupport

let resizingReplay: [String: ReferenceOperation] = [:]
