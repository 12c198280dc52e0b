/**
 * Workers that train together, and then the first trains alone: `equality.run.ts JSON`, with `Comparison`. The first prints by what each tensor
 * differs, and by what it does where one process sees the images of each batch in the other order, which is the same mathematics.
 */
import { TrainingBatches, type Batch } from '../../src/data/batches';
import { memoryPairs } from '../../src/data/dataset';
import { Cluster, cluster } from '../../src/engine/cluster';
import * as tf from '../../src/engine/tf';
import { LGGANTrainer, type TrainLGGANConfig } from '../../src/training/lggan';
import { scatter } from './toy';
import { SIZE, pairs, toyConfig } from './workers.run';

export interface Comparison {
  addresses: string[];
  rank: number;
  runs: Run[];
}

export interface Run {
  batchSize: number;
  steps: number;
  config: Partial<TrainLGGANConfig>;
  /** Batch norm over the images of each worker alone: what a comparison has to find. */
  localNorm?: boolean;
  /** The other order is not the same mathematics, as each image is changed by its place: without that yardstick. */
  placed?: boolean;
}

/** By what a tensor differs at most. */
export interface Difference {
  step: number;
  kind: 'gradient' | 'loss' | 'moved' | 'buffer';
  name: string;
  workers: number;
  swapped: number;
  /** The largest number of the tensor. */
  largest: number;
}

type Numbers = Map<string, Pick<Difference, 'step' | 'kind' | 'name'> & { values: Float32Array }>;

/** Trains; `way` are the weights after each step of both networks, to be filled by the workers, and followed alone. */
async function take({ batchSize, steps, config }: Run, way: Numbers, follow: boolean, swap: boolean): Promise<Numbers> {
  const found: Numbers = new Map();
  const add = (step: number, kind: Difference['kind'], name: string, values: Float32Array, to = found) =>
    to.set(`${step} ${kind} ${name}`, { step, kind, name, values });
  const trainer = new LGGANTrainer({ ...toyConfig, ...config });
  const { generator, discriminator, averaged } = trainer;
  const networks = { G: generator, D: discriminator, average: averaged! };
  // The discriminator's vectors of spectral norm are those of its first weights.
  for (const network of [generator, averaged!]) scatter(network.parameters.trainable, 7, 0.1);
  const valuesOf = (t: tf.Tensor) => t.dataSync().slice() as Float32Array;
  const all = Object.entries(networks).flatMap(([n, network]) => network.parameters.entries().map((e) => ({ ...e, name: `${n} ${e.name}` })));
  const before = all.map(({ variable }) => valuesOf(variable));
  let step = 0;
  for (const [name, optimiser] of Object.entries({ G: trainer.optimiserG, D: trainer.optimiserD })) {
    const move = optimiser.step.bind(optimiser);
    const own = all.filter((e) => e.name.startsWith(`${name} `) && e.trainable);
    optimiser.step = (gradients, rate) => {
      for (const [key, t] of Object.entries(gradients)) add(step, 'gradient', `${name} ${key}`, valuesOf(t));
      // Also where its result is replaced: what a step draws goes by the steps taken.
      move(gradients, rate);
      if (!follow) for (const e of own) add(step, 'moved', e.name, valuesOf(e.variable), way);
      else for (const e of own) tf.tidy(() => e.variable.assign(tf.tensor(way.get(`${step} moved ${e.name}`)!.values, e.variable.shape)));
    };
  }
  const batches = new TrainingBatches(memoryPairs(pairs, 'pairs'), { imageSize: SIZE, batchSize, share: cluster() });
  for (step = 1; step <= steps; step++) {
    const batch = await batches.next();
    for (const [name, value] of Object.entries(trainer.step(swap ? reversed(batch) : batch, 1))) add(step, 'loss', name, Float32Array.of(value));
  }
  all.forEach(({ name, variable, trainable }, i) => {
    const moved = valuesOf(variable).map((v, j) => v - before[i][j]);
    if (!trainable) add(steps, 'buffer', name, valuesOf(variable));
    else if (name.startsWith('average')) add(steps, 'moved', name, moved);
  });
  trainer.dispose();
  return found;
}

function reversed({ images, labels, names }: Batch): Batch {
  const size = images.length / labels.length;
  const turned = new Float32Array(images.length);
  labels.forEach((_, b) => turned.set(images.subarray(b * size, (b + 1) * size), (labels.length - 1 - b) * size));
  return { images: turned, labels: [...labels].reverse(), names: [...names].reverse() };
}

const largestOf = (values: Float32Array) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

void (async () => {
  const { addresses, rank, runs } = JSON.parse(process.argv[2]) as Comparison;
  const group = await Cluster.join({ addresses, rank }, { startSeconds: 60 });
  const together: Numbers[] = [];
  const ways = runs.map((): Numbers => new Map());
  for (const [i, run] of runs.entries()) {
    (group as { sharedNorm: boolean }).sharedNorm = !run.localNorm;
    together.push(await take(run, ways[i], false, false));
  }
  group.leave();
  if (rank) return;
  const results: Difference[][] = [];
  for (const [i, run] of runs.entries()) {
    const [alone, swapped] = [await take(run, ways[i], true, false), await take(run, ways[i], true, !run.placed)];
    results.push(
      [...alone].map(([key, { values, ...what }]) => {
        const [workers, other] = [together[i], swapped].map((run) => largestOf(values.map((v, j) => v - run.get(key)!.values[j])));
        return { ...what, workers, swapped: other, largest: largestOf(values) };
      }),
    );
  }
  console.log(`result ${JSON.stringify(results)}`);
})().catch((e: unknown) => {
  console.error(e);
  process.exitCode = 1;
});
