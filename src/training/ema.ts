import { compiled, type Compiled } from '../engine/compiled';
import { blend, hasOwnKernels } from '../engine/own_kernels';
import * as tf from '../engine/tf';
import type { ParameterEntry, Parameters } from '../layers/core/parameters';

/**
 * Exponential moving average of a network's parameters: average = decay * average + (1 - decay) * parameter. Until the average has
 * seen enough steps the decay is (1 + step) / (10 + step), as in TensorFlow, so that it does not remember the initial weights.
 * What is not trained (running statistics, vectors of spectral norm) is copied.
 */
export class MovingAverage {
  private steps = 0;
  /** A call for each part: the new averages of a part stand beside the old ones while it runs. */
  private readonly parts: Compiled<[decay: tf.Tensor, rest: tf.Tensor], undefined>[];

  /** `average` belongs to a second network of the same shape, which then holds the averaged weights. */
  constructor(
    private readonly source: Parameters,
    private readonly average: Parameters,
    private readonly decay: number,
  ) {
    const sources = source.entries();
    const pairs = average.entries().map((entry, i) => ({ ...entry, source: sources[i].variable }));
    this.parts = partsOf(pairs, (pair) => pair.variable.size).map((part) => compiled((old, now) => move(part, old, now), { name: 'the moving average' }));
    this.reset();
  }

  update(): void {
    this.steps += 1;
    const decay = Math.min(this.decay, (1 + this.steps) / (10 + this.steps));
    tf.tidy(() => {
      const [old, now] = [tf.scalar(decay), tf.scalar(1 - decay)];
      for (const part of this.parts) part(old, now);
    });
  }

  get step(): number {
    return this.steps;
  }

  /** Continues after `steps` updates; the averages themselves come back with their network's checkpoint. */
  restore(steps: number): void {
    this.steps = steps;
  }

  /** The parameters as they are now. */
  reset(): void {
    const sources = this.source.entries();
    this.average.entries().forEach(({ variable }, i) => tf.tidy(() => variable.assign(tf.clone(sources[i].variable))));
  }

  /** Frees what `update` holds; the networks stay. */
  dispose(): void {
    for (const part of this.parts) part.dispose();
  }
}

type Pair = ParameterEntry & { source: tf.Variable };

function move(pairs: readonly Pair[], old: tf.Tensor, now: tf.Tensor): undefined {
  for (const { variable, source } of pairs.filter((p) => !p.trainable)) tf.tidy(() => variable.assign(tf.clone(source)));
  const moving = pairs.filter((p) => p.trainable);
  const [averages, sources] = [moving.map((p) => p.variable), moving.map((p) => p.source)];
  if (hasOwnKernels() && moving.length) blend(old, now, averages, sources).forEach((y, i) => averages[i].assign(y));
  else moving.forEach(({ variable, source }) => tf.tidy(() => variable.assign(tf.add(tf.mul(variable, old), tf.mul(source, now)))));
  return undefined;
}

/** So many numbers are moved in one call: while it runs there are two copies of them. */
const PART_SIZE = 1 << 24;

/** Cuts a list into parts of not many more numbers than that, in order. */
function partsOf<T>(items: readonly T[], size: (item: T) => number): T[][] {
  const parts: T[][] = [];
  let left = 0;
  for (const item of items) {
    if (left <= 0) {
      parts.push([]);
      left = PART_SIZE;
    }
    parts[parts.length - 1].push(item);
    left -= size(item);
  }
  return parts;
}
