import assert from 'node:assert/strict';
import test from 'node:test';
import { labelMap } from '../../proof/testing/toy';
import { CLASSES } from '../../src/classes';
import { hex } from '../../src/figures/colours';
import { decodeImage } from '../../src/data/image';
import { sketchLandscape } from './sketch_landscape';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../proof/testing/figures';

test('each sketch in its colours beside its landscape, two pairs a row, and a legend', async () => {
  const image = { data: new Uint8Array(32 * 48 * 3).fill(200), height: 32, width: 48 };
  const painted = [1, 2, 3].map((c) => ({ labels: labelMap(24, 48, () => c), image, name: `map ${c}` }));
  const figure = sketchLandscape(painted);
  await assertNothingCut(figure);
  await assertTextsApart(figure);
  const page = await decodeImage(await figure.png(), 'figure');
  const colourAt = (row: number, column: number) => {
    const { x, y } = figure.box(row, column);
    const i = 3 * (y * page.width + x);
    return hex([page.data[i], page.data[i + 1], page.data[i + 2]]);
  };
  assert.equal(colourAt(0, 0), CLASSES[1].colour);
  assert.equal(colourAt(0, 2), CLASSES[2].colour);
  assert.equal(colourAt(1, 1), '#c8c8c8');
  assert.equal(figure.box(0, 0).height, figure.box(0, 1).height);
  const texts = drawnTexts(await figure.svg()).map((t) => t.text);
  assert.deepEqual(texts.filter((t) => t === 'sketch').length, 2);
  for (const text of ['map 3', CLASSES[3].name]) assert.ok(texts.includes(text), text);
});
