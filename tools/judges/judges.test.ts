import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { material, withMaterial } from '../../proof/testing/material';
import { CLASS_NAMES } from '../../src/classes';
import { readImage } from '../../src/data/image';
import { readLabelMap } from '../../src/data/label_map';
import type { LabelMap, RgbImage } from '../../src/data/types';
import { maskAccuracy } from './mask_accuracy';
import { AestheticJudge } from './aesthetic';
import { Nima } from './nima';
import { hasOnnxRuntime } from './onnx';
import { SceneJudge, judgedShare } from './scene_judge';
import { SceneSegmenter } from './scene_segmenter';

const NAMES = ['1388344602_bfc57e13d9_b', '14979043508_0aa4364287_b', '307952561_42702044f7_b'];
const weights = (name: string) => material(name) ?? material(`weights/${name}`);

/** The original's three published images, with the label maps they were made from. */
async function originals(t: Parameters<typeof withMaterial>[0]) {
  const images = withMaterial(t, 'data/contest_original_outputs');
  const labels = withMaterial(t, 'data/contest_labels');
  if (!images || !labels) return undefined;
  if (!(await hasOnnxRuntime())) return void t.skip('skipped: onnxruntime-node is not installed');
  return Promise.all(
    NAMES.map(async (name) => ({ image: await readImage(join(images, `${name}.jpg`)), labels: await readLabelMap(join(labels, `${name}.png`)) })),
  );
}

test("NIMA scores the original's three images 3.935, 4.020 and 4.466", async (t) => {
  const file = weights('nima_mobilenet.onnx');
  const set = await originals(t);
  if (!set) return;
  if (!file) return t.skip('skipped: nima_mobilenet.onnx is not on this machine');
  const judge = new AestheticJudge(await Nima.load(file));
  const metric = await judge.judge(set.map((s) => s.image));
  // The reference is told to three places; JPEG and resize are equal to Pillow's, so rounding alone is left.
  [3.935, 4.02, 4.466].forEach((expected, i) => assert.ok(Math.abs(metric.perImage![i] - expected) < 6e-4, `${metric.perImage![i]} ${expected}`));
  assert.ok(metric.interval!.low >= 3.93 && metric.interval!.high <= 4.47);
  await judge.dispose();
});

test("the scene segmenter finds the label maps in the original's images, and not in those of another map", async (t) => {
  const file = weights('mosaic_ade20k.onnx');
  const set = await originals(t);
  if (!set) return;
  if (!file) return t.skip('skipped: mosaic_ade20k.onnx is not on this machine');
  const judge = new SceneJudge(await SceneSegmenter.load(file));
  const right = await maskAccuracy(judge, set, { kind: 'generated' });
  const wrong = await maskAccuracy(
    judge,
    set.map(({ image }, i) => ({ image, labels: set[(i + 1) % 3].labels })),
    { kind: 'generated' },
  );
  // 0.9028 by the contest's own segmenter over its whole test set.
  assert.ok(right.accuracy.value > 0.85, `${right.accuracy.value}`);
  assert.ok(wrong.accuracy.value < right.accuracy.value - 0.1, `${wrong.accuracy.value}`);
  assert.ok(right.accuracy.interval!.low <= right.accuracy.value && right.accuracy.value <= right.accuracy.interval!.high);
  assert.equal(right.groups?.length, judge.config.classes);
  await judge.dispose();
});

const map = (names: string[]): LabelMap => ({ data: Uint8Array.from(names, (n) => CLASS_NAMES.indexOf(n)), height: 1, width: names.length });

test('classes that the scene segmenter lacks are left out and counted; groups are one', async () => {
  // Looks at nothing: sky left, sea right.
  const look = async () => ({ data: Uint8Array.from({ length: 512 * 512 }, (_, i) => (i % 512 < 256 ? 3 : 27)), height: 512, width: 512 });
  const judge = new SceneJudge({ name: 'half and half', look, dispose: async () => undefined });
  const image: RgbImage = { data: new Uint8Array(12), height: 1, width: 4 };
  const { accuracy, leftOut, meanIou } = await maskAccuracy(judge, [{ image, labels: map(['sky', 'rock', 'lake', 'mountain']) }]);
  assert.deepEqual([leftOut, accuracy.value], [0.25, 2 / 3]);
  // sky 1, water 1/2 (half of what it claims), mountain 0
  assert.ok(Math.abs(meanIou.value - 0.5) < 1e-12);
  assert.match(accuracy.notes.join(), /25\.0 % of the pixels/);
  assert.equal(judgedShare([map(['sky', 'rock', 'lake', 'boat'])]), 0.5);
});
