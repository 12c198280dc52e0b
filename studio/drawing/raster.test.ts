import assert from 'node:assert/strict';
import test from 'node:test';
import { capsule, flood, polygon, rectangle, type Size, type Span } from './raster';

const SIZE: Size = { height: 40, width: 60 };

/** Which pixels a shape covers; each at most once. */
function covered(size: Size, draw: (span: Span) => void): Uint8Array {
  const seen = new Uint8Array(size.height * size.width);
  draw((y, from, to) => {
    assert.ok(y >= 0 && y < size.height && from >= 0 && to < size.width && from <= to);
    for (let x = from; x <= to; x++) seen[y * size.width + x]++;
  });
  assert.ok(
    seen.every((n) => n <= 1),
    'a pixel is covered twice',
  );
  return seen;
}

/** The definition: pixels whose centre holds. */
const defined = ({ height, width }: Size, holds: (x: number, y: number) => boolean) =>
  Uint8Array.from({ length: height * width }, (_, i) => Number(holds((i % width) + 0.5, Math.floor(i / width) + 0.5)));

test('a line is all pixels within half its width of it, also over the border; a point is a disc', () => {
  for (const [ax, ay, bx, by, r] of [
    [10, 10, 50, 30, 4],
    [30, 35, 30, 5, 2.5],
    [5, 20, 55, 20, 1],
    [20, 20, 20, 20, 7],
    [-10, -5, 70, 45, 6],
    [58, 38, 80, 60, 9],
    [12.3, 7.7, 11.9, 30.1, 0.2],
  ]) {
    const distance = (x: number, y: number) => {
      const [dx, dy] = [bx - ax, by - ay];
      const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
      return Math.hypot(x - ax - t * dx, y - ay - t * dy);
    };
    const seen = covered(SIZE, (span) => capsule({ x: ax, y: ay }, { x: bx, y: by }, r, SIZE, span));
    assert.deepEqual(
      seen,
      defined(SIZE, (x, y) => distance(x, y) <= Math.max(0.5, r)),
    );
  }
});

test('a rectangle holds the pixels under both corners, in any order', () => {
  const expected = defined(SIZE, (x, y) => x > 3 && x < 11 && y > 5 && y < 8);
  for (const [a, b] of [
    [
      { x: 3.2, y: 5.9 },
      { x: 10.1, y: 7 },
    ],
    [
      { x: 10.9, y: 5 },
      { x: 3, y: 7.9 },
    ],
  ]) {
    assert.deepEqual(
      covered(SIZE, (span) => rectangle(a, b, SIZE, span)),
      expected,
    );
  }
  assert.deepEqual(
    covered(SIZE, (span) => rectangle({ x: -5, y: -5 }, { x: 99, y: 99 }, SIZE, span)),
    defined(SIZE, () => true),
  );
  assert.deepEqual(
    covered(SIZE, (span) => rectangle({ x: -5, y: 3 }, { x: -2, y: 9 }, SIZE, span)),
    defined(SIZE, () => false),
  );
});

test('a polygon holds the pixels whose centre is inside', () => {
  const triangle = [
    { x: 5, y: 2 },
    { x: 55, y: 20 },
    { x: 10, y: 38 },
  ];
  const side = (a: { x: number; y: number }, b: { x: number; y: number }, x: number, y: number) => (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
  const inside = (x: number, y: number) => triangle.every((p, i) => side(p, triangle[(i + 1) % 3], x, y) > 0);
  assert.deepEqual(
    covered(SIZE, (span) => polygon(triangle, SIZE, span)),
    defined(SIZE, inside),
  );
  // Twice around is outside again.
  const star = [
    { x: 10, y: 10 },
    { x: 30, y: 10 },
    { x: 30, y: 30 },
    { x: 10, y: 30 },
  ];
  assert.equal(
    covered(SIZE, (span) => polygon([...star, ...star], SIZE, span)).reduce((a, b) => a + b, 0),
    0,
  );
});

test('a fill takes what hangs together by its sides, as the definition does', () => {
  let state = 1;
  const next = () => (state = (state * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 20; round++) {
    const values = Uint8Array.from({ length: SIZE.height * SIZE.width }, () => Number(next() < 0.45));
    const [x, y] = [Math.floor(next() * SIZE.width), Math.floor(next() * SIZE.height)];
    // From neighbour to neighbour until nothing is added.
    const expected = new Uint8Array(values.length);
    const open = [y * SIZE.width + x];
    expected[open[0]] = 1;
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      const column = i % SIZE.width;
      const sides = [i - SIZE.width, i + SIZE.width, ...(column > 0 ? [i - 1] : []), ...(column < SIZE.width - 1 ? [i + 1] : [])];
      for (const j of sides) {
        if (j < 0 || j >= values.length || expected[j] || values[j] !== values[i]) continue;
        expected[j] = 1;
        open.push(j);
      }
    }
    assert.deepEqual(
      covered(SIZE, (span) => flood(values, SIZE, x, y, span)),
      expected,
    );
  }
});
