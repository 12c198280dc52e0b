import assert from 'node:assert/strict';
import test from 'node:test';
import { CLASSES } from '../classes';
import { IGNORE, type LabelMap, type RgbImage } from '../data/types';
import { datasetStatistics } from '../data/statistics';
import { LGGAN } from '../models/lggan/lggan';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { classStatistics } from './class_statistics';
import { decodeImage } from '../data/image';
import { lgganPanel } from './lggan_panel';
import { lossCurves, smooth, smoothBetween } from './loss_curves';
import { pairGrid } from './pairs';
import { perClassLocal } from './per_class_local';
import { samplesOverTime } from './samples_over_time';
import { choosePoints, readKernels, sauKernels } from './sau_kernels';
import { mostDetailed, srComparison } from './sr_comparison';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../proof/testing/figures';

const map = (height: number, width: number, f: (y: number, x: number) => number): LabelMap => ({
  height,
  width,
  data: Uint8Array.from({ length: height * width }, (_, i) => f(Math.floor(i / width), i % width)),
});
const picture = (height: number, width: number, f: (y: number, x: number) => number): RgbImage => ({
  height,
  width,
  data: Uint8Array.from({ length: height * width * 3 }, (_, i) => f(Math.floor(i / 3 / width), Math.floor(i / 3) % width)),
});
/** Sky over mountains over water. */
const scene = map(64, 96, (y, x) => (y < 20 + (x >> 4) ? 1 : y < 44 ? 0 : 2));
const textsOf = async (figure: { svg(): Promise<string> }) => drawnTexts(await figure.svg()).map((t) => t.text);

test('pairs: every photo with its name over its label map, and the legend', async () => {
  const pairs = Array.from({ length: 5 }, (_, i) => ({
    name: `photo_${i}_with_a_name_that_is_rather_long`,
    image: picture(64, 96, (y, x) => x + y + 20 * i),
    labels: scene,
  }));
  const figure = pairGrid(pairs, { columns: 3 });
  await assertNothingCut(figure);
  await assertTextsApart(figure);
  const texts = await textsOf(figure);
  for (const name of ['sky', 'mountain', 'water']) assert.ok(texts.includes(name));
  assert.equal(texts.filter((t) => t.startsWith('photo_')).length, 5);
  const page = await decodeImage(await figure.png(), 'figure');
  const box = figure.box(1, 0);
  const i = 3 * (box.y * page.width + box.x);
  assert.equal(Buffer.from(page.data.slice(i, i + 3)).toString('hex'), CLASSES[1].colour.slice(1));
});

test('class statistics: shares as they were counted, the largest class on top', async () => {
  const maps = [map(2, 2, (y) => (y === 0 ? 1 : 0)), map(2, 2, () => 1), map(1, 4, (_, x) => (x < 3 ? 5 : IGNORE))];
  const dataset = (labels: LabelMap[]) => ({
    source: 'test',
    length: labels.length,
    at: async (i: number) => ({ labels: labels[i] }),
  });
  const plot = classStatistics(await datasetStatistics(dataset(maps)));
  const [bars, presence] = plot.data as { x: number[]; y: string[]; marker: { color: string[] } }[];
  // 6, 3 and 2 of the 11 pixels that have a class; plotly draws the last bar on top.
  assert.deepEqual(bars.y.slice(-3), ['mountain', 'tree', 'sky']);
  assert.deepEqual(
    bars.x.slice(-3).map((v) => Math.round(v)),
    [18, 27, 55],
  );
  assert.deepEqual(
    presence.x.slice(-3).map((v) => Math.round(v)),
    [33, 33, 67],
  );
  assert.equal(bars.marker.color.at(-1), CLASSES[1].colour);
  assert.equal(bars.y.length, CLASSES.length);
  await assertNothingCut(plot, 2);
  await assertNothingCut(classStatistics(await datasetStatistics(dataset([]))), 2);
});

test('loss curves: a panel for each loss, smoothed without lag', async () => {
  assert.deepEqual(smooth([1, 2, 3, 4, 5], 1), [1.5, 2, 3, 4, 4.5]);
  assert.deepEqual(smooth([1, NaN, 3], 1), [1, 2, 3]);
  assert.deepEqual(smooth([4, 5], 0), [4, 5]);
  assert.deepEqual(smoothBetween([1, 1, 1, 9, 9, 9], 2, [3]), [1, 1, 1, 9, 9, 9]);
  const rows = Array.from({ length: 200 }, (_, i) => ({
    step: 10 * i,
    epoch: 1,
    'G/feature matching': 200 - i,
    D: i % 2,
    ...(i % 50 === 0 ? { FID: i } : {}),
  }));
  const plot = lossCurves(rows, { marks: [{ x: 1000, label: 'stage 2' }] });
  const names = plot.data.map((d) => (d as { name: string }).name);
  assert.deepEqual([...new Set(names)], ['G/feature matching', 'D', 'FID']);
  // A straight line stays where it is in the middle.
  const smoothed = plot.data[1] as { x: number[]; y: number[] };
  assert.deepEqual([smoothed.x[50], smoothed.y[50]], [500, 150]);
  // It ends at the mark: the mean of 95 to 100 alone.
  assert.deepEqual([smoothed.x[100], smoothed.y[100]], [1000, 97.5]);
  const fid = plot.data.find((d) => (d as { name: string }).name === 'FID') as { x: number[]; y: number[] };
  assert.deepEqual(
    [fid.x, fid.y],
    [
      [0, 500, 1000, 1500],
      [0, 50, 100, 150],
    ],
  );
  await assertNothingCut(plot, 2);
  await assertNothingCut(lossCurves([]), 2);
  const columns = { columns: ['step', 'D'], series: () => ({ steps: [1, 2], values: [3, 4] }) };
  assert.deepEqual((lossCurves(columns).data[0] as { y: number[] }).y, [3, 4]);
  // Thinned for drawing.
  assert.equal((lossCurves(Array.from({ length: 5000 }, (_, step) => ({ step, a: 1 }))).data[0] as { x: number[] }).x.length, 600);
});

test('samples over time: first and last step stay', async () => {
  const samples = [0, 10, 20, 30].map((step) => ({
    step,
    images: [picture(24, 32, () => step), picture(24, 32, () => step)],
  }));
  const figure = await samplesOverTime(samples, {
    labels: [scene, scene],
    photos: [picture(96, 128, () => 200)],
    steps: 3,
  });
  const texts = await textsOf(figure);
  for (const t of ['label map', 'step 0', 'step 20', 'step 30', 'photo']) assert.ok(texts.includes(t), t);
  assert.ok(!texts.includes('step 10'));
  // All of a row are shown in one size.
  assert.deepEqual(figure.box(0, 0).width, figure.box(0, 4).width);
  await assertNothingCut(figure);
  await assertTextsApart(figure);
});

test('LGGAN: panel, class-specific images and kernels of a network, without a leak', async () => {
  const g = new LGGAN({ imageSize: [64, 96], ngf: 4, spadeHidden: 8, residualBlocks: 1 });
  const out = g.generate([scene, scene], { attention: true });
  const figures = [
    await lgganPanel(out, [scene, scene]),
    await lgganPanel(out, scene, { photos: [picture(192, 288, (y) => y)] }),
    await perClassLocal(out, scene, { index: 1 }),
    await perClassLocal(out, scene, { masked: true, columns: 3 }),
    await sauKernels(out.attention!.local[0], scene),
    await sauKernels(out.attention!.weights[1], scene, {
      points: [
        { x: 0, y: 0 },
        { x: 95, y: 63 },
      ],
    }),
  ];
  for (const figure of figures) {
    await assertNothingCut(figure);
    await assertTextsApart(figure);
  }
  assert.ok((await textsOf(figures[1])).includes('weight of the global image'));
  assert.ok((await textsOf(figures[2])).some((t) => /^sky \(\d+ % of the map\)$/.test(t)));
  await assertNoLeak(async () => void (await Promise.all([lgganPanel(out, scene), perClassLocal(out, scene), sauKernels(out.attention!.local[1], scene)])));
  tf.dispose(out);
  g.dispose();
});

test('kernels: weights, classes of the taps and share on the own class, against numbers by hand', async () => {
  const labels = map(6, 8, (_, x) => (x < 4 ? 0 : 1));
  const uniform = tf.fill([1, 6, 8, 25], 1 / 25) as tf.Tensor4D;
  const [inside, border, corner] = await readKernels(uniform, labels, [
    { x: 5, y: 3 },
    { x: 4, y: 3 },
    { x: 0, y: 0 },
  ]);
  // Columns 3..7 of the window round x = 5: four of five belong to class 1; round x = 4 three of five.
  assertClose(inside.sameClass, 20 / 25, 1e-6);
  assertClose(border.sameClass, 15 / 25, 1e-6);
  // Two of five rows and columns lie outside: 9 of 25 taps are left.
  assertClose(corner.sameClass, 9 / 25, 1e-6);
  assert.deepEqual(
    corner.classes.slice(0, 13).filter((c) => c !== undefined),
    [0],
  );
  assert.deepEqual(border.classes.slice(0, 5), [0, 0, 1, 1, 1]);
  uniform.dispose();
  // Tap ky * 5 + kx of pixel (x, y) stands at [0, y, x, ky * 5 + kx].
  const numbered = tf.reshape(tf.range(0, 6 * 8 * 25), [1, 6, 8, 25]) as tf.Tensor4D;
  const [kernel] = await readKernels(numbered, labels, [{ x: 2, y: 1 }]);
  assert.equal(kernel.weights[7], (1 * 8 + 2) * 25 + 7);
  await assert.rejects(readKernels(numbered, labels, [{ x: 8, y: 0 }]), /point \(8, 0\) lies outside 8x6/);
  await assert.rejects(sauKernels(tf.zeros([1, 6, 8, 9]), labels), /expected an attention \[B, H, W, 25\]/);
  numbered.dispose();
});

test('points are chosen at borders and inside, the same each time', () => {
  const points = choosePoints(scene, 64, 96, 4);
  assert.deepEqual(points, choosePoints(scene, 64, 96, 4));
  const classesAround = ({ x, y }: { x: number; y: number }) => {
    const seen = new Set<number>();
    for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) seen.add(scene.data[(y + dy) * 96 + x + dx]);
    return seen.size;
  };
  assert.deepEqual(
    points.map(classesAround).map((n) => n > 1),
    [true, false, true, false],
  );
  // A map of one class has no border.
  assert.equal(
    choosePoints(
      map(32, 32, () => 3),
      32,
      32,
    ).length,
    1,
  );
});

test('super-resolution: the busiest part enlarged, PSNR by hand', async () => {
  const high = picture(96, 128, (y, x) => (x >= 64 && y >= 48 ? ((x + y) % 2) * 200 : 100));
  const box = mostDetailed(high, 0.25, 2);
  assert.ok(box.x >= 64 && box.y >= 48 && box.width === 32 && box.height === 24);
  const low = picture(48, 64, () => 100);
  const off = { ...high, data: high.data.map((v) => v + 10) };
  const figure = srComparison([{ name: 'board', low, high, results: { bicubic: off, RCAN: high } }]);
  const texts = await textsOf(figure);
  // 10 log10(255^2 / 10^2)
  for (const t of ['28.13 dB', 'identical', 'bicubic', 'RCAN', 'board']) assert.ok(texts.includes(t), t);
  assert.deepEqual(figure.box(0, 1).width, figure.box(0, 4).width);
  await assertNothingCut(figure);
  await assertTextsApart(figure);
});
