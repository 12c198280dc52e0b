/**
 * Elementary functions that give the same bits on every machine.
 *
 * JavaScript leaves the last bit of `Math.sin`, `Math.exp`, `Math.pow` ... to the engine (Node 20 and 22 do differ), and one
 * bit can turn one rounded pixel. Sums, products, quotients and `Math.sqrt` are exact in IEEE arithmetic, so everything
 * here is built from these. A test keeps the other `Math` functions out of this folder.
 */

export const TAU = 6.283185307179586;

/** `x` held within [low, high]. */
export function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}

/** `x` held within [0, 1]. */
export function unit(x: number): number {
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

/** From `a` (t = 0) to `b` (t = 1) in a straight line. */
export function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** 0 below `from`, 1 above `to`, a smooth cubic between; `from` may be the larger one. */
export function smooth(from: number, to: number, x: number): number {
  const t = unit((x - from) / (to - from));
  return t * t * (3 - 2 * t);
}

/** Powers of two 2^-64 .. 2^64, exact. */
const POWERS = (() => {
  const table = new Float64Array(129);
  table[64] = 1;
  for (let i = 1; i <= 64; i++) {
    table[64 + i] = table[63 + i] * 2;
    table[64 - i] = table[65 - i] / 2;
  }
  return table;
})();

/** e^x for |x| < 44, relative error below 1e-9; 0 or e^44 beyond. */
export function exp(x: number): number {
  if (x < -44) return 0;
  if (x > 44) x = 44;
  const n = Math.floor(x * 1.4426950408889634 + 0.5);
  const r = x - n * 0.6931471805599453;
  const series =
    1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040)))))));
  return series * POWERS[64 + n];
}

/** Natural logarithm of a positive number, absolute error below 1e-9. */
export function log(x: number): number {
  let n = 0;
  while (x > 1.4142135623730951) {
    x /= 2;
    n++;
  }
  while (x < 0.7071067811865476) {
    x *= 2;
    n--;
  }
  const s = (x - 1) / (x + 1);
  const q = s * s;
  return n * 0.6931471805599453 + 2 * s * (1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11))))));
}

/** x^y for x >= 0. */
export function power(x: number, y: number): number {
  return x <= 0 ? 0 : exp(y * log(x));
}

/** Sine of an angle in radians, absolute error below 1e-9 for moderate angles. */
export function sin(x: number): number {
  let r = x - Math.floor(x / TAU + 0.5) * TAU;
  if (r > TAU / 4) r = TAU / 2 - r;
  if (r < -TAU / 4) r = -TAU / 2 - r;
  const q = r * r;
  const inner = 1 / 362880 - q * (1 / 39916800 - q * (1 / 6227020800));
  return r * (1 - q * (1 / 6 - q * (1 / 120 - q * (1 / 5040 - q * inner))));
}

/** Cosine of an angle in radians. */
export function cos(x: number): number {
  return sin(x + TAU / 4);
}
