/// `text` as the content or an attribute of XML and HTML, with a question mark for characters that XML cannot have.
package func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\n", "\t": result.unicodeScalars.append(scalar)
    case "\u{FFFE}", "\u{FFFF}": result += "?"
    default: if scalar.value >= 32 { result.unicodeScalars.append(scalar) } else { result += "?" }
    }
  }
  return result
}

/// The bytes in base 64, padded.
package func base64(_ bytes: [UInt8]) -> String {
  let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  text.reserveCapacity((bytes.count + 2) / 3 * 4)
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let rest = bytes.count - start
    let word =
      UInt32(bytes[start]) << 16 | (rest > 1 ? UInt32(bytes[start + 1]) << 8 : 0)
      | (rest > 2 ? UInt32(bytes[start + 2]) : 0)
    for place in 0..<4 {
      let letter = letters[Int(word >> UInt32(18 - 6 * place) & 63)]
      text.append(place <= rest ? letter : UInt8(ascii: "="))
    }
  }
  return String(decoding: text, as: UTF8.self)
}
