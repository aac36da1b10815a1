/// The name in `candidates` that `name` was probably meant to be, or nil when none is near.
///
/// A name is near when slips in at most a third of its letters (at least one) explain it: a letter
/// missing, added, changed, or swapped with its neighbour (Damerau 1964, Levenshtein 1966; no letter
/// slips twice). A name that is the beginning of a single candidate is near it, too. Case does not
/// matter; of equally near candidates the first is taken.
package func nearest(_ name: String, in candidates: [String]) -> String? {
  let longestSensible = 64
  let given = Array(name.lowercased().unicodeScalars)
  guard !given.isEmpty, given.count <= longestSensible else { return nil }
  var best: (candidate: String, distance: Int)?
  var extended: [String] = []
  for candidate in candidates {
    let letters = Array(candidate.lowercased().unicodeScalars)
    let allowed = max(1, max(given.count, letters.count) / 3)
    if given.count >= 2, letters.starts(with: given) { extended.append(candidate) }
    guard abs(letters.count - given.count) <= allowed else { continue }
    let distance = editDistance(given, letters)
    if distance <= allowed, distance < min(given.count, best?.distance ?? .max) {
      best = (candidate, distance)
    }
  }
  return best?.candidate ?? (extended.count == 1 ? extended[0] : nil)
}

/// The number of letters to insert, delete, change or swap with their neighbour between `first`
/// and `second` (optimal string alignment). Three rows of the table are kept.
private func editDistance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
  guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
  var beforePrevious: [Int] = []
  var previous = Array(0...second.count)
  for i in 1...first.count {
    var row = [i]
    for j in 1...second.count {
      let change = first[i - 1] == second[j - 1] ? 0 : 1
      var distance = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + change)
      if i > 1, j > 1, first[i - 1] == second[j - 2], first[i - 2] == second[j - 1] {
        distance = min(distance, beforePrevious[j - 2] + 1)
      }
      row.append(distance)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[second.count]
}
