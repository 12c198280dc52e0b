import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose } from '../../proof/testing/close';
import { bicubicEnlarged, type SrPair } from '../data/sr_pairs';
import type { RgbImage } from '../data/types';
import { srQuality } from './sr_quality';

/** Values below 128, so that the offsets added here stay below 256. */
function pair(name: string, phase: number): SrPair {
  const [height, width] = [24, 32];
  const value = (i: number) => 60 + Math.round(40 * Math.sin((i + phase) / 5));
  const image = (h: number, w: number): RgbImage => ({ data: Uint8Array.from({ length: h * w * 3 }, (_, i) => value(i)), height: h, width: w });
  return { name, low: image(height / 2, width / 2), high: image(height, width) };
}
const pairs = [pair('a', 0), pair('b', 7)];
const brighter =
  (by: () => number) =>
  ({ high }: SrPair): RgbImage => {
    const offset = by();
    return { ...high, data: high.data.map((v) => v + offset) };
  };

test('quality is the mean over the pairs', async () => {
  assert.deepEqual(await srQuality(pairs, ({ high }) => high), { rgb: Infinity, y: Infinity });
  // An offset of 5 in all channels: 10 log10(255^2 / 25) dB.
  const off = await srQuality(
    pairs,
    brighter(() => 5),
  );
  assertClose(off.rgb, 10 * Math.log10(255 ** 2 / 25), 1e-12);
  // BT.601 luminance spans 219 of 255 values: the error is 5 * 219 / 255.
  assertClose(off.y, 10 * Math.log10(255 ** 2 / (5 * (219 / 255)) ** 2), 1e-6);
  const each = await Promise.all(pairs.map((p) => srQuality([p], bicubicEnlarged)));
  assertClose((await srQuality(pairs, bicubicEnlarged)).rgb, (each[0].rgb + each[1].rgb) / 2, 1e-12);
});

test("the original's log: two batches of four, whose errors of 25 and 100 have the mean 62.5, divided by eight", async () => {
  let n = 0;
  const eight = Array.from({ length: 8 }, () => pairs[0]);
  const shifted = brighter(() => (n++ % 2 ? 5 : 10));
  assertClose((await srQuality(eight, shifted, 'original')).rgb, (10 * Math.log10(255 ** 2 / 62.5)) / 4, 1e-12);
});
