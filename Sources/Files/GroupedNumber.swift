/// `value` with a comma between groups of three digits: `60,000`.
package func grouped(_ value: Int) -> String {
  var text = ""
  let digits = String(value.magnitude)
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
    text.append(digit)
  }
  return value < 0 ? "-" + text : text
}
