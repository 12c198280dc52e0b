import { unit } from './maths';
import { sample } from './noise';
import { Colour } from './palette';

/**
 * The look of every kind of ground. Each function leaves its colour (share of light given back) in `paint`, and in
 * `paint.bump` how much more (or less) of the sun a small unevenness catches. `across` and `away` are the metres that a
 * pixel spans: detail finer than that fades out, as it does in a photograph.
 */
export const paint = { r: 0, g: 0, b: 0, bump: 0, gloss: 0 };

export type Shift = readonly [number, number];

export function put(c: Colour, brightness: number): void {
  paint.r = c[0] * brightness;
  paint.g = c[1] * brightness;
  paint.b = c[2] * brightness;
}

export function tint(c: Colour, share: number, brightness = 1): void {
  paint.r += (c[0] * brightness - paint.r) * share;
  paint.g += (c[1] * brightness - paint.g) * share;
  paint.b += (c[2] * brightness - paint.b) * share;
}

/** 1 for detail of `size` metres that pixels of `span` metres resolve, 0 for detail too fine for them. */
export function fade(size: number, span: number): number {
  return unit(size / span - 0.6);
}

/** Difference of a tile's value between here and a little way towards the sun: positive where the ground faces it. */
export function relief(tile: Float32Array, u: number, v: number, du: number, dv: number): number {
  return sample(tile, u, v) - sample(tile, u + du, v + dv);
}
