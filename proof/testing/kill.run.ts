/** The run that kill.test.ts kills: a tiny LGGAN with all that a resumed run has to bring back. `node kill.run.ts FOLDER [EPOCHS] [PAUSE]`: milliseconds after each step. */
import { setTimeout } from 'node:timers/promises';
import { interruptible } from '../../src/common/interrupt';
import { TrainingBatches } from '../../src/data/batches';
import { labelTiles, photo } from './fixtures';
import { memoryPairs } from '../../src/data/dataset';
import { UserError } from '../../src/common/errors';
import { trainLGGAN, type TrainLGGANConfig } from '../../src/training/lggan';
import * as tf from '../../src/engine/tf';

const [output, epochs = '2', pause = '0'] = process.argv.slice(2);
const CLASSES = 5;

const pairs = Array.from({ length: 6 }, (_, i) => {
  const labels = labelTiles(96, 48, i);
  return { name: `pair ${i}`, image: photo(96, 48, i + 1), labels: { ...labels, data: labels.data.map((v) => v % CLASSES) } };
});

const config: Partial<TrainLGGANConfig> = {
  generator: { classes: CLASSES, ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [32, 64] },
  discriminator: { ndf: 4 },
  schedule: { epochs: Number(epochs), decayEpochs: 1, secondStageFrom: 2 },
  ema: 0.9,
  checkpointEvery: 2,
  sampleEvery: 3,
  evaluateEvery: 1,
  output,
};

void (async () => {
  const interrupt = interruptible();
  // Shuffling, mirroring and cropping at random: all of it has to go on where it was.
  const batches = new TrainingBatches(memoryPairs(pairs, 'kill.run'), { imageSize: [32, 64], batchSize: 2, randomCrop: { minScale: 0.5 } });
  const labels = pairs.slice(0, 1).map((p) => ({ height: 32, width: 64, data: p.labels.data.slice(0, 32 * 64) }));
  const result = await trainLGGAN(
    config,
    { train: batches },
    {
      signal: interrupt.signal,
      onMessage: (m) => console.error(m),
      onStep: async (row) => {
        console.log(`step ${row.step}`);
        if (Number(pause)) await setTimeout(Number(pause));
      },
      onSample: async (generator, step) => {
        console.log(`sample ${step}`);
        const out = generator.generate(labels);
        await out.final.data();
        tf.dispose(out);
      },
      evaluate: async (generator) => {
        const out = generator.generate(labels);
        const values = (await out.final.data()) as Float32Array;
        tf.dispose(out);
        return values.reduce((sum, v) => sum + Math.abs(v), 0) / values.length;
      },
    },
  );
  console.log(result.interrupted ? 'interrupted' : 'done');
  result.trainer.dispose();
  interrupt.dispose();
})().catch((e: unknown) => {
  console.error(e instanceof UserError ? e.message : e);
  process.exitCode = 2;
});
