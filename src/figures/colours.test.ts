import assert from 'node:assert/strict';
import test from 'node:test';
import { VIRIDIS, heatMap, hex, inkOn, rgb, viridis } from './colours';

test('viridis has the published colours', () => {
  // matplotlib.colormaps['viridis'] at 0, 0.25, 0.5, 0.75 and 1.
  const published: [number, string][] = [
    [0, '#440154'],
    [64, '#3b528b'],
    [128, '#21918c'],
    [192, '#5ec962'],
    [255, '#fde725'],
  ];
  for (const [i, colour] of published) assert.equal(hex([VIRIDIS[3 * i], VIRIDIS[3 * i + 1], VIRIDIS[3 * i + 2]]), colour);
  assert.equal(VIRIDIS.length, 256 * 3);
  // Lightness grows all along, which is what makes it readable in grey.
  const light = Array.from({ length: 256 }, (_, i) => 0.2126 * VIRIDIS[3 * i] + 0.7152 * VIRIDIS[3 * i + 1] + 0.0722 * VIRIDIS[3 * i + 2]);
  for (let i = 8; i < 256; i += 8) assert.ok(light[i] > light[i - 8]);
});

test('a heat map spans its range, clamps beyond it and shows what is not a number', () => {
  const map = { data: Float32Array.of(-5, 0, 10, 99, NaN), height: 1, width: 5 };
  const picture = heatMap(map, { min: 0, max: 10 });
  const at = (i: number) => hex([picture.data[3 * i], picture.data[3 * i + 1], picture.data[3 * i + 2]]);
  assert.deepEqual([0, 1, 2, 3, 4].map(at), ['#440154', '#440154', '#fde725', '#fde725', '#ff00ff']);
  // A constant map: no division by zero.
  assert.deepEqual([...heatMap(map, { min: 3, max: 3 }).data.slice(3, 6)], [...rgb('#440154')]);
});

test('ink stands out on its ground', () => {
  assert.equal(inkOn(rgb('#ffffff')), '#000000');
  assert.equal(inkOn(rgb('#202020')), '#ffffff');
  assert.equal(inkOn(viridis(1)), '#000000');
  assert.equal(inkOn(viridis(0)), '#ffffff');
  assert.equal(hex(rgb('#0a0b0c')), '#0a0b0c');
});
