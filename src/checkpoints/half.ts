/** IEEE 754 half precision (1 sign, 5 exponent, 10 mantissa bits) to a number. */
export function halfToFloat(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const mantissa = h & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** A float32 to half precision, rounded to nearest, ties to even, as numpy does; above 65504 it becomes infinite. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const b = bits[0];
  const sign = (b >>> 16) & 0x8000;
  const exponent = ((b >>> 23) & 255) - 112;
  const mantissa = b & 0x7fffff;
  if (exponent === 143) return sign | 0x7c00 | (mantissa ? 0x200 : 0);
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent >= 1) return sign | nearestEven((exponent << 23) | mantissa, 13);
  if (exponent < -10) return sign;
  // Subnormal: the implicit one becomes a digit. A carry into the exponent gives the smallest normal number, as it
  // should.
  return sign | nearestEven(mantissa | 0x800000, 14 - exponent);
}

/** value / 2^shift rounded to nearest, ties to even. */
function nearestEven(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && kept & 1) ? kept + 1 : kept;
}

/** The upper half of a float32 (Google's bfloat16) to a number. */
export function bfloat16ToFloat(h: number): number {
  bits[0] = h << 16;
  return float[0];
}
