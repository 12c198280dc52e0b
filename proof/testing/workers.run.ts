/**
 * A worker of several that train a tiny LGGAN or RCAN: `workers.run.ts JSON`, with `Task`. It prints `result` with a hash of all weights, and
 * the numbers that were asked for.
 */
import { createHash } from 'node:crypto';
import { interruptible } from '../../src/common/interrupt';
import { UserError } from '../../src/common/errors';
import { TrainingBatches, type Batch } from '../../src/data/batches';
import { memoryPairs } from '../../src/data/dataset';
import { Cluster, cluster } from '../../src/engine/cluster';
import { trainLGGAN, type TrainLGGANConfig } from '../../src/training/lggan';
import { trainRCAN } from '../../src/training/rcan';
import { labelTiles, photo } from './fixtures';

export interface Task {
  /** All workers and which one it is; without, it trains alone. */
  addresses?: string[];
  rank?: number;
  output: string;
  batchSize: number;
  steps: number;
  config?: Partial<TrainLGGANConfig>;
  rcan?: boolean;
  /** A batch with a pixel that is no number, and the worker that reads it. */
  bad?: { step: number; rank: number };
}

const CLASSES = 5;
export const SIZE: [number, number] = [32, 64];

export const pairs = Array.from({ length: 12 }, (_, i) => {
  const labels = labelTiles(SIZE[1], SIZE[0], i);
  // Not every picture has every class, and some have pixels without one.
  const data = labels.data.map((v, p) => (i % 3 === 0 && p % 7 === 0 ? 255 : v % (3 + (i % 3))));
  return { name: `pair ${i}`, image: photo(SIZE[1], SIZE[0], i + 1), labels: { ...labels, data } };
});

export const toyConfig: Partial<TrainLGGANConfig> = {
  generator: { classes: CLASSES, ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: SIZE },
  discriminator: { ndf: 4 },
  ema: 0.9,
};

class Batches extends TrainingBatches {
  private taken = 0;
  constructor(
    batchSize: number,
    private readonly bad: Task['bad'],
  ) {
    super(memoryPairs(pairs, 'workers.run'), { imageSize: SIZE, batchSize, share: cluster() });
  }
  override async next(): Promise<Batch> {
    const batch = await super.next();
    this.taken++;
    if (this.bad && this.taken === this.bad.step && this.bad.rank === (cluster()?.rank ?? 0)) batch.images[7] = NaN;
    return batch;
  }
}

async function main(): Promise<void> {
  const { addresses, rank = 0, output, batchSize, steps, config = {}, rcan, bad } = JSON.parse(process.argv[2]) as Task;
  const say = (m: string) => console.log(m);
  const group =
    addresses && (await Cluster.join({ addresses, rank }, { startSeconds: 60, answerSeconds: 2, same: { options: JSON.stringify(config) }, onMessage: say }));
  const interrupt = interruptible();
  const hooks = { signal: interrupt.signal, onMessage: say, onStep: (row: { step: number }) => say(`step ${row.step}`) };
  try {
    const common = { output, checkpointEvery: 2, stepsPerEpoch: 2 };
    const result = rcan
      ? await trainRCAN(
          { ...common, network: { groups: 1, blocks: 1, features: 8, reduction: 4 }, batchSize, patch: 16, epochs: Math.ceil(steps / 2) },
          {
            train: memoryPairs(
              Array.from({ length: 8 }, (_, i) => ({ name: `p${i}`, high: photo(32, 32, i), low: photo(16, 16, i) })),
              'pairs',
            ),
          },
          hooks,
        )
      : await trainLGGAN(
          { ...toyConfig, ...common, schedule: { epochs: Math.ceil(steps / 2), decayEpochs: 0, secondStageFrom: 2 }, ...config },
          { train: new Batches(batchSize, bad) },
          hooks,
        );
    const networks = 'trainer' in result ? [result.trainer.generator, result.trainer.discriminator, result.trainer.averaged!] : [result.network];
    const hash = createHash('sha256');
    for (const { variable } of networks.flatMap((n) => n.parameters.entries())) hash.update(new Uint8Array((variable.dataSync() as Float32Array).buffer));
    const rows = Array.from({ length: result.history.length }, (_, i) => ({ ...result.history.row(i), seconds: 0 }));
    say(`result ${JSON.stringify({ weights: hash.digest('hex'), rows, interrupted: result.interrupted })}`);
    group?.leave();
  } catch (e) {
    throw group?.explain(e) ?? e;
  } finally {
    interrupt.dispose();
  }
}

if (require.main === module) {
  main().catch((e: unknown) => {
    console.error(e instanceof UserError ? e.message : e);
    process.exitCode = e instanceof UserError ? 2 : 1;
  });
}
