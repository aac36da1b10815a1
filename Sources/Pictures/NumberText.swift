// Numbers as pictures show them; the same text on every platform and in every locale.

/// `value` with at most two digits behind the point.
package func number(_ value: Double) -> String {
  guard value.isFinite, abs(value) < 1e12 else { return "0" }
  let hundredths = Int((value * 100).rounded())
  let whole = abs(hundredths) / 100
  let rest = abs(hundredths) % 100
  let sign = hundredths < 0 ? "-" : ""
  if rest == 0 { return "\(sign)\(whole)" }
  return "\(sign)\(whole).\(rest % 10 == 0 ? "\(rest / 10)" : rest < 10 ? "0\(rest)" : "\(rest)")"
}

/// `98.3 %`
package func percent(_ share: Double) -> String {
  "\(number((share * 1000).rounded() / 10)) %"
}

/// About three significant digits: `0.0123`, `-1.5`, `2.1e-7`.
package func threeDigits(_ value: Double) -> String {
  guard value.isFinite else { return "\(value)" }
  if value == 0 { return "0" }
  var (magnitude, exponent) = (value.magnitude, 0)
  while magnitude >= 10 { (magnitude, exponent) = (magnitude / 10, exponent + 1) }
  while magnitude < 1 { (magnitude, exponent) = (magnitude * 10, exponent - 1) }
  let sign = value < 0 ? "-" : ""
  let rounded = (magnitude * 100).rounded() / 100
  if exponent < -4 || exponent > 5 { return "\(sign)\(number(rounded))e\(exponent)" }
  var scale = 1.0
  for _ in 0..<max(2 - exponent, 0) { scale *= 10 }
  let result = (value * scale).rounded() / scale
  let text = "\(result)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
