/// Floating-point numbers of 16 bits, from their bits. By hand, because Swift has no `Float16` on Intel Macs.
enum HalfPrecision {
  /// IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits.
  static func float(float16 bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      // Zero and the subnormal numbers: fraction times 2^-24, exact in float32.
      let magnitude = Float(fraction) * 0x1p-24
      return Float(bitPattern: sign | magnitude.bitPattern)
    case 0x1F:
      // Infinity, and NaN with its payload.
      return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default:
      return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// bfloat16: the upper half of a float32.
  static func float(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}
