/** Memory of a long training stays where it is. 30 steps; `npm run stress` takes 500. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TrainingBatches } from '../../src/data/batches';
import { labelTiles, photo } from './fixtures';
import { memoryPairs } from '../../src/data/dataset';
import * as tf from '../../src/engine/tf';
import { trainLGGAN } from '../../src/training/lggan';

const LONG = process.env.LGGAN_LONG === '1';
const STEPS = LONG ? 500 : 30;
/** From here on everything has been allocated once: kernels' workspaces, tables, V8's generations. */
const SETTLED = LONG ? 150 : 15;

test(`${STEPS} steps: the same number of tensors, ${LONG ? 'resident size within 2%' : 'bytes of tensors the same'}`, { timeout: 20 * 60_000 }, async (t) => {
  const output = mkdtempSync(join(tmpdir(), 'memory-'));
  t.after(() => rmSync(output, { recursive: true, force: true }));
  const pairs = Array.from({ length: 6 }, (_, i) => {
    const labels = labelTiles(96, 48, i);
    return { name: `${i}`, image: photo(96, 48, i + 1), labels: { ...labels, data: labels.data.map((v) => v % 5) } };
  });
  const batches = new TrainingBatches(memoryPairs(pairs, 'memory.test'), { imageSize: [32, 64], batchSize: 2, randomCrop: { minScale: 0.5 } });
  const seen: { tensors: number; bytes: number; rss: number }[] = [];
  const { trainer } = await trainLGGAN(
    {
      generator: { classes: 5, ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [32, 64] },
      discriminator: { ndf: 4 },
      schedule: { epochs: STEPS, decayEpochs: 0, secondStageFrom: STEPS + 1 },
      stepsPerEpoch: 1,
      ema: 0.9,
      checkpointEvery: LONG ? 50 : 10,
      output,
    },
    { train: batches },
    {
      onStep: () => {
        global.gc?.();
        const { numTensors, numBytes } = tf.memory();
        seen.push({ tensors: numTensors, bytes: numBytes, rss: process.memoryUsage().rss });
      },
    },
  );
  trainer.dispose();
  assert.equal(seen.length, STEPS);
  const later = seen.slice(SETTLED);
  assert.deepEqual([...new Set(later.map((s) => s.tensors))], [later[0].tensors]);
  assert.deepEqual([...new Set(later.map((s) => s.bytes))], [later[0].bytes]);
  // Single samples move by a garbage collection: means of the first and last fifth.
  const fifth = Math.floor(later.length / 5);
  const mean = (list: typeof later) => list.reduce((sum, s) => sum + s.rss, 0) / list.length / 2 ** 20;
  const [first, last] = [mean(later.slice(0, fifth)), mean(later.slice(-fifth))];
  t.diagnostic(`${later[0].tensors} tensors of ${(later[0].bytes / 2 ** 20).toFixed(1)} MiB; resident ${first.toFixed(0)} MiB, then ${last.toFixed(0)} MiB`);
  if (LONG) assert.ok(last < 1.02 * first, `${first} -> ${last} MiB`);
});
