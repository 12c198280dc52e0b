import assert from 'node:assert/strict';
import test from 'node:test';
import { encodePng, decodeImage } from '../data/image';
import { crop } from '../data/picture';
import { resizeForDisplay, resizeNearest } from './images';

/** A picture whose red is the column, green the row. */
const coordinates = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => [Math.floor(i / 3) % width, Math.floor(i / 3 / width), 7][i % 3]),
});
const pixel = (p: { data: Uint8Array; width: number }, x: number, y: number) => [...p.data.slice(3 * (y * p.width + x), 3 * (y * p.width + x) + 3)];

test('nearest takes the source pixel floor(i * in / out)', () => {
  const p = coordinates(4, 3);
  const large = resizeNearest(p, 12, 6);
  for (let y = 0; y < 6; y++) for (let x = 0; x < 12; x++) assert.deepEqual(pixel(large, x, y), [Math.floor(x / 3), Math.floor(y / 2), 7]);
  const odd = resizeNearest(p, 3, 2);
  assert.deepEqual(
    [0, 1, 2].map((x) => pixel(odd, x, 1)),
    [
      [0, 1, 7],
      [1, 1, 7],
      [2, 1, 7],
    ],
  );
});

test('enlarging repeats pixels, shrinking filters unless exact', async () => {
  const board = {
    width: 64,
    height: 64,
    data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => ((Math.floor(i / 3) + Math.floor(i / 192)) % 2) * 255),
  };
  assert.deepEqual(await resizeForDisplay(board, 128, 128), resizeNearest(board, 128, 128));
  const values = (p: { data: Uint8Array }) => new Set(p.data);
  assert.deepEqual([...values(await resizeForDisplay(board, 16, 16, true))].length, 1);
  const smooth = await resizeForDisplay(board, 16, 16);
  assert.equal(smooth.data.length, 16 * 16 * 3);
  // A fine chessboard is grey from afar.
  for (const v of smooth.data) assert.ok(v > 100 && v < 155, String(v));
});

test('a crop is the part inside the box, and stays inside', () => {
  const p = crop(coordinates(10, 8), { x: 3, y: 2, width: 4, height: 5 });
  assert.deepEqual([p.width, p.height], [4, 5]);
  assert.deepEqual(pixel(p, 0, 0), [3, 2, 7]);
  assert.deepEqual(pixel(p, 3, 4), [6, 6, 7]);
  assert.throws(() => crop(coordinates(10, 8), { x: 7, y: 0, width: 4, height: 1 }), /leaves the picture of 10x8/);
});

test('PNG keeps every byte', async () => {
  const p = coordinates(31, 17);
  assert.deepEqual(await decodeImage(await encodePng(p), 'p'), p);
});
