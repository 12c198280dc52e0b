import assert from 'node:assert/strict';
import test from 'node:test';
import { IGNORE } from '../data/types';
import { LGGAN } from '../models/lggan/lggan';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { labelMap as map, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { inspect, untrained } from './inspect';
import { UNIFORM_BITS } from './kernels';
import { localRows, localShares, mergeLocalShares, mergeSauMeasures, sauMeasures, sauRows, sauSpread, sauSpreadRows } from './measures';

const uniform = (height: number, width: number) => tf.fill([1, height, width, 25], 1 / 25) as tf.Tensor4D;
/** Everything on the centre. */
const centred = (height: number, width: number) =>
  tf.tidy(() => tf.tile(tf.reshape(tf.oneHot(tf.tensor1d([12], 'int32'), 25, 1, 0, 'float32'), [1, 1, 1, 25]), [1, height, width, 1])) as tf.Tensor4D;

test('uniform and centred kernels on a map of two classes, by hand', async () => {
  await assertNoLeak(async () => {
    // Twelve columns of class 0, twelve of class 1, all of 8 rows; at half the size six and six of 4 rows.
    const labels = [map(8, 24, (_, x) => (x < 12 ? 0 : 1))];
    const attention = { local: [uniform(4, 12), centred(8, 24)], weights: [centred(4, 12), uniform(8, 24)] };
    const measures = await sauMeasures({ attention, labels });
    assert.deepEqual(measures.map((m) => `${m.sau} ${m.where}`).slice(0, 3), ['local 1 everywhere', 'local 1 at boundaries', 'local 2 everywhere']);
    const [small, smallBoundary, fine, fineBoundary] = measures;
    assert.deepEqual([small.pixels, smallBoundary.pixels, fine.pixels, fineBoundary.pixels], [4 * 12, 4 * 4, 8 * 24, 8 * 4]);
    // Of the 5 columns of their windows 4, 3, 3 and 4 are of the class at the four columns of the boundary; of the 5 rows 3, 4, 4, 3 are on the map.
    assertClose(smallBoundary.sameClass, (14 / 20) * (14 / 20), 1e-6);
    assertClose(smallBoundary.outside, 1 - 14 / 20, 1e-6);
    for (const m of measures) assert.ok(m.sau === 'local 2' || m.sau === 'weights 1' || Math.abs(m.sameClass - m.uniform) < 1e-7);
    assert.deepEqual([fine.sameClass, fine.outside, fine.entropy], [1, 0, 0]);
    assertClose(small.entropy, UNIFORM_BITS, 1e-6);
    assertClose(fineBoundary.uniform, (14 / 20) * ((3 + 4 + 5 + 5 + 5 + 5 + 4 + 3) / 40), 1e-6);
    const [row] = sauRows(measures, measures);
    assert.deepEqual(row, {
      SAU: 'local 1',
      where: 'everywhere',
      pixels: 48,
      'own class': small.sameClass,
      'own class, untrained': small.sameClass,
      'own class, uniform': small.uniform,
      'own class, mean kernel': small.mean,
      'outside the map': small.outside,
      'entropy (bits)': small.entropy,
      'entropy, untrained (bits)': small.entropy,
    });
    tf.dispose(attention);
  });
});

test('a kernel that follows the classes has more on its own than its average; one that does not has the same', async () => {
  // Left half of class 0, right half of class 1: all weight on the left neighbour on the left, on the right neighbour on the right.
  const labels = [map(4, 8, (_, x) => Number(x >= 4))];
  const taps = Array.from({ length: 4 * 8 }, (_, i) => (i % 8 < 4 ? 11 : 13));
  const follows = tf.tidy(() => tf.reshape(tf.oneHot(tf.tensor1d(taps, 'int32'), 25, 1, 0, 'float32'), [1, 4, 8, 25])) as tf.Tensor4D;
  const attention = { local: [centred(2, 4), follows], weights: [uniform(2, 4), centred(4, 8)] };
  const measures = await sauMeasures({ attention, labels });
  const boundary = (sau: string) => measures.find((m) => m.sau === sau && m.where === 'at boundaries')!;
  // At columns 2..5 the follower is right; its average takes either side half the time, and at columns 3 and 4 the wrong one of them.
  assertClose([boundary('local 2').sameClass, boundary('local 2').mean], [1, (1 + 0.5 + 0.5 + 1) / 4], 1e-6);
  for (const m of measures) if (m.sau !== 'local 2') assertClose(m.mean, m.sameClass, 1e-6);
  const other = measures.map((m) => ({ ...m, sameClass: m.sameClass - 0.1 }));
  const spread = sauSpread([measures, other]).find((s) => s.sau === 'local 2' && s.where === 'at boundaries')!;
  const { sameClass, aboveMean } = spread;
  assertClose([sameClass.mean, sameClass.deviation, aboveMean.mean, aboveMean.deviation], [0.95, 0.1 * Math.SQRT1_2, 0.2, 0.1 * Math.SQRT1_2], 1e-6);
  assert.deepEqual(sauSpreadRows([spread])[0], {
    SAU: 'local 2',
    where: 'at boundaries',
    maps: 2,
    'own class (%)': '95.0 ± 7.1',
    'above uniform': '46.0 ± 7.1', // a plain average has 14/20 of the columns and 14/20 of the rows
    'above the mean kernel': '20.0 ± 7.1',
  });
  tf.dispose(attention);
});

test('several maps count by their pixels; pixels of no class do not', async () => {
  const attention = { local: [centred(2, 2), centred(4, 4)], weights: [uniform(2, 2), uniform(4, 4)] };
  const maps = [map(4, 4, () => 3), map(4, 4, (y) => (y < 2 ? 3 : IGNORE))];
  const each = await Promise.all(maps.map((m) => sauMeasures({ attention, labels: [m] })));
  const both = mergeSauMeasures(each);
  both.forEach((m, i) => {
    const [a, b] = [each[0][i], each[1][i]];
    assert.equal(m.pixels, a.pixels + b.pixels);
    if (m.pixels) assertClose(m.sameClass, (a.sameClass * a.pixels + b.sameClass * b.pixels) / m.pixels, 1e-6);
    else assert.ok(Number.isNaN(m.sameClass));
  });
  assert.deepEqual(
    both.filter((m) => m.where === 'everywhere').map((m) => m.pixels),
    [6, 24, 6, 24],
  );
  tf.dispose(attention);
});

test('share of the local branch: the mean of channel 0 over the pixels of a class', async () => {
  const weights = tf.tensor4d([0.25, 0.75, 0.5, 0.5, 1, 0, 0, 1], [1, 2, 2, 2]);
  const shares = await localShares({ weights, labels: [{ height: 2, width: 2, data: Uint8Array.of(1, 1, 5, IGNORE) }] });
  assert.deepEqual(shares, [
    { class: 1, pixels: 2, local: 0.375 },
    { class: 5, pixels: 1, local: 1 },
  ]);
  const other = { class: 5, pixels: 3, local: 0.6 };
  assert.deepEqual(mergeLocalShares([shares, [other]]), [{ class: 5, pixels: 4, local: (1 + 3 * 0.6) / 4 }, shares[0]]);
  assert.deepEqual(localRows(shares)[0], { class: 'sky', 'share of the pixels': 2 / 3, 'local branch': 0.375, 'global branch': 0.625 });
  weights.dispose();
});

test('a network: at initialisation the kernels are uniform, scattered weights move them', async () => {
  const g = new LGGAN({ ngf: 4, spadeHidden: 8, residualBlocks: 1, imageSize: [64, 96] });
  scatter(g.parameters.trainable, 3, 0.5);
  const start = untrained(g);
  const scene = map(64, 96, (y, x) => (y < 20 + (x >> 4) ? 1 : x < 50 ? 0 : 2));
  const [seen, first] = [g, start].map((network) => inspect(network, scene, { keep: ['attention'] }));
  const [measures, before] = [await sauMeasures(seen), await sauMeasures(first)];
  for (const [i, m] of before.entries()) {
    assert.ok(m.pixels > 0 && m.outside < 0.1);
    assertClose([m.entropy, m.sameClass], [UNIFORM_BITS, m.uniform], 1e-2);
    assert.ok(measures[i].entropy < UNIFORM_BITS - 0.05, `${m.sau}: ${measures[i].entropy}`);
    assert.equal(measures[i].uniform, m.uniform);
  }
  [seen, first].forEach(tf.dispose);
  [g, start].forEach((network) => network.dispose());
});
