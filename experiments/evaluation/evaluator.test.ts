import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CLASS_NAMES } from '../../src/classes';
import { folderPairs } from '../../src/data/pairs';
import { resizeImage, resizeLabels } from '../../src/data/resize';
import type { LabelMap, Pair } from '../../src/data/types';
import { Nima } from '../../tools/judges/nima';
import { hasOnnxRuntime } from '../../tools/judges/onnx';
import { assertNoLeak } from '../../proof/testing/close';
import { material, withMaterial } from '../../proof/testing/material';
import { readNpz } from '../../proof/testing/npz';
import { AestheticJudge } from '../../tools/judges/aesthetic';
import { bootstrap } from '../../src/metrics/bootstrap';
import { fidInterval, kidInterval } from './distance_intervals';
import { Evaluator, floorCaveats, measuresTable } from './evaluator';
import type { Features } from '../../tools/judges/features';
import { fid } from '../../tools/judges/fid';
import { findJudges } from './judges';
import { kid } from '../../tools/judges/kid';
import type { MaskSegmenter } from '../../tools/judges/mask_accuracy';
import { memoryPairs, subset } from '../../src/data/dataset';

const root = mkdtempSync(join(tmpdir(), 'evaluation-'));
after(() => rmSync(root, { recursive: true, force: true }));

const weights = (name: string) => material(name) ?? material(`weights/${name}`);

const map = (names: string[]): LabelMap => ({ data: Uint8Array.from(names, (n) => CLASS_NAMES.indexOf(n)), height: 1, width: names.length });

test('asked for judges of others alone, with none at hand, every figure is left out by name, and nothing stands in', async () => {
  const judges = await findJudges([map(['sky'])], { folder: root, segmenter: 'independent' });
  assert.deepEqual([judges.segmenter, judges.features, judges.others], [undefined, undefined, []]);
  assert.match(judges.missing.join(' '), /Mask accuracy and mIoU are left out.*FID and KID.*aesthetic score/);
  const pair: Pair = { name: 'a', image: { data: new Uint8Array(3), height: 1, width: 1 }, labels: map(['sky']) };
  const result = await new Evaluator(judges, memoryPairs([pair], 'one')).evaluate('none', [pair]);
  assert.deepEqual([result.row, result.metrics, result.missing], [{ scaling: 'none' }, [], judges.missing]);
  await judges.dispose();
});

test('an evaluation tells every figure between floor and ceiling', async (t) => {
  const file = weights('nima_mobilenet.onnx');
  const camvid = withMaterial(t, 'data/camvid_mini/val');
  if (!camvid || !file) return t.skip('skipped: the material is not on this machine');
  if (!(await hasOnnxRuntime())) return t.skip('skipped: onnxruntime-node is not installed');
  const all = folderPairs(camvid);
  const real = subset(all, [0, 8, 16, 24]);
  const nima = new AestheticJudge(await Nima.load(file));
  const evaluator = new Evaluator({ others: [nima] }, real);
  const generated = await Promise.all([1, 9].map(async (i) => all.at(i)));
  const small = generated.map((p) => ({ image: resizeImage(p.image, [96, 128]), labels: resizeLabels(p.labels, [96, 128]) }));
  const { measures, metrics, row } = await evaluator.evaluate('photos', small);
  assert.deepEqual(
    metrics.map((m) => Object.keys(m.n)[0]),
    ['generated', 'real', 'mean colours'],
  );
  assert.deepEqual(
    metrics.map((m) => Object.values(m.sizes)[0]),
    ['96x128', '96x128', '96x128'],
  );
  assert.equal(row.aesthetic, measures[0].generated.value);
  assert.match(measuresTable({ measures }), /^\| figure [^]*\| aesthetic score \| \d\.\d{4} \(/);
  await nima.dispose();
});

test('flat colours above the images are told, and whose fault it is: above real images too, the judge prefers them', () => {
  const measure = (name: string, generated: number, floor: number, ceiling?: number) => {
    const metric = (value: number) => ({ name, value, n: {}, sizes: {}, notes: [] });
    return { generated: metric(generated), floor: metric(floor), ...(ceiling !== undefined && { ceiling: metric(ceiling) }) };
  };
  assert.deepEqual(floorCaveats({ measures: [measure('mask accuracy', 0.6, 0.5, 0.9), measure('FID', 100, 200, 50), measure('KID', 0.1, 0.1)] }), []);
  assert.deepEqual(
    floorCaveats({ measures: [measure('aesthetic score', 4.14, 4.6, 3.5), measure('mask accuracy', 0.3, 0.5, 0.9), measure('FID', 210, 200.25, 50)] }),
    [
      'aesthetic score: flat colours reach 4.600, the images 4.140, real photographs 3.500: this judge prefers flat colours, and its figure says little of a picture.',
      'mask accuracy: flat colours reach 0.500, the images 0.300: in this the images are worse than flat colours.',
      'FID: flat colours reach 200.3, the images 210.0: in this the images are worse than flat colours.',
    ],
  );
});

test('floor and ceiling of mask accuracy are looked at once for the same real images and label maps', async () => {
  let looked = 0;
  const segmenter: MaskSegmenter = {
    name: 'counts',
    config: { classes: CLASS_NAMES.length, imageSize: [1, 2] },
    segment: (images) => {
      looked += images.length;
      return images.map(() => ({ data: Uint8Array.of(0, 1), height: 1, width: 2 }));
    },
  };
  const pair = { name: 'a', image: { data: new Uint8Array(6), height: 1, width: 2 }, labels: map(['mountain', 'sky']) };
  const evaluator = new Evaluator({ segmenter }, memoryPairs([pair, pair, pair], 'test'));
  const first = await evaluator.evaluate('BICUBIC', [pair, pair]);
  assert.equal(looked, 2 + 2 + 3);
  const second = await evaluator.evaluate('RCAN', [pair, pair]);
  assert.equal(looked, 7 + 2);
  assert.deepEqual(second.mask, first.mask);
  await evaluator.evaluate('other maps', [{ ...pair, labels: map(['sky', 'sky']) }]);
  assert.equal(looked, 9 + 1 + 1);
});

test('intervals of FID and KID are those of the distances of the drawn images, moved onto the value', async (t) => {
  const file = withMaterial(t, 'golden/inception_features_camvid_val.npz');
  if (!file) return;
  const all = readNpz(file).get('features')!.data as Float32Array;
  const rows = (indices: ArrayLike<number>): Features => {
    const data = new Float32Array(indices.length * 2048);
    Array.from(indices).forEach((row, i) => data.set(all.subarray(row * 2048, (row + 1) * 2048), i * 2048));
    return { network: 'Inception', canonical: true, count: indices.length, dimensions: 2048, size: '192x256', data };
  };
  const [a, b] = [0, 12].map((from) => rows(Array.from({ length: 12 }, (_, i) => from + i)));
  await assertNoLeak(async () => {
    for (const [distance, interval] of [
      [fid, fidInterval],
      [(x: Features, y: Features) => kid(x, y, { subsets: 2 }), kidInterval],
    ] as const) {
      const { value } = distance(a, b);
      const fast = interval(a, b, value)!;
      const plain = bootstrap([12, 12], (x, y) => distance(rows(x), rows(y.map((i) => i + 12))).value, { resamples: 200, centre: value })!;
      // Squares of float32 numbers of size 1 are summed 2048 times: 1e-3 of the width is far above what that leaves.
      const width = plain.high - plain.low;
      assert.ok(width > 0 && Math.abs(fast.low - plain.low) < 1e-3 * width && Math.abs(fast.high - plain.high) < 1e-3 * width, JSON.stringify([fast, plain]));
    }
  });
});
