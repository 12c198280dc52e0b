/** What keeps a run of days from being lost to one bad step: numbers that are not finite are caught before they reach a weight. */
import type { ParameterEntry } from '../layers/core/parameters';
import { hasOwnKernels, squares } from '../engine/own_kernels';
import * as tf from '../engine/tf';
import type { History } from './history';

/** `skip`: the step leaves no trace but a row of the history. `rollback`: back to the latest checkpoint. `stop`: the run ends. */
export type FaultPolicy = 'skip' | 'rollback' | 'stop';
export const FAULT_POLICIES: readonly FaultPolicy[] = ['skip', 'rollback', 'stop'];

/** So many bad steps, or returns to the same checkpoint, one after the other end the run: it would not recover. */
export const MOST_SKIPPED = 10;
export const MOST_ROLLBACKS = 3;

/** A step that was not taken; `message` names the loss or the layer. */
export class StepFault extends Error {
  constructor(
    message: string,
    readonly losses: Record<string, number>,
  ) {
    super(message);
    this.name = 'StepFault';
  }
}

/**
 * What is not finite in a step, in words; undefined where all is in order: a loss, or the gradient of a layer (also one whose square
 * overflows, which would stop Adam's mean of squares for good). `squares`: those of the gradients, from `squaresOf`.
 */
export function faultOf(
  network: string,
  losses: Readonly<Record<string, number>>,
  gradients: Readonly<Record<string, tf.Tensor>>,
  squares?: tf.Tensor1D,
): string | undefined {
  const layer = firstNotFinite(gradients, squares);
  const bad = Object.keys(losses).filter((name) => !Number.isFinite(losses[name]));
  // The sum is bad wherever a term is: the term is what to know.
  const term = bad.find((name) => name !== network) ?? bad[0];
  if (term) return `the loss ${term} became ${losses[term]}${layer ? `, and so the gradient of ${layer}` : ''}`;
  return layer && `the gradient of ${network}'s ${layer} is not finite, or too large for its square`;
}

/** The first parameter of a network that holds something not finite. */
export function weightFault(entries: readonly ParameterEntry[]): string | undefined {
  return firstNotFinite(Object.fromEntries(entries.map((e) => [e.name, e.variable])));
}

function firstNotFinite(tensors: Readonly<Record<string, tf.Tensor>>, squares?: tf.Tensor1D): string | undefined {
  const names = Object.keys(tensors);
  if (!names.length) return undefined;
  const sums = squares ?? squaresOf(tensors);
  const values = sums.dataSync();
  if (!squares) sums.dispose();
  return names.find((_, i) => !Number.isFinite(values[i]));
}

/** The sum of the squares of each tensor: not finite where one of its numbers is not. One pass, without copies. */
export function squaresOf(tensors: Readonly<Record<string, tf.Tensor>>): tf.Tensor1D {
  if (hasOwnKernels()) return squares(Object.values(tensors));
  return tf.tidy(() => {
    const square = (t: tf.Tensor) => {
      const row = tf.reshape(t, [1, -1]) as tf.Tensor2D;
      return tf.reshape(tf.matMul(row, row, false, true), []);
    };
    return tf.stack(Object.values(tensors).map(square)) as tf.Tensor1D;
  });
}

/** What a forward pass changes in a network: running statistics, vectors of spectral norm. References, no copies. */
export class Buffers {
  private readonly kept: { variable: tf.Variable; value: tf.Tensor }[];

  constructor(entries: readonly ParameterEntry[]) {
    this.kept = entries.filter((e) => !e.trainable).map(({ variable }) => ({ variable, value: tf.keep(tf.clone(variable)) }));
  }

  restore(): void {
    for (const { variable, value } of this.kept) tf.tidy(() => variable.assign(tf.clone(value)));
  }

  dispose(): void {
    for (const { value } of this.kept) value.dispose();
  }
}

/** Rows that `divergence` looks at. */
const WINDOW = 100;

/**
 * Whether the discriminator has left its balance with the generator over the last hundred steps, in words. Each of its two hinge losses
 * is three times 1 where it cannot tell, 6 together: far more means that it grows without bound, next to nothing that it tells all images
 * apart and the generator learns nothing from it any more.
 */
export function divergence(history: Pick<History, 'length' | 'row'>): string | undefined {
  if (history.length < WINDOW) return undefined;
  let sum = 0;
  let count = 0;
  for (let i = 1; i <= WINDOW; i++) {
    const { discriminatorFake, discriminatorReal } = history.row(-i);
    if (discriminatorFake === undefined || discriminatorReal === undefined) continue;
    sum += discriminatorFake + discriminatorReal;
    count++;
  }
  if (!count) return undefined;
  const mean = sum / count;
  if (mean > 30) return `the discriminator diverges: its loss is ${mean.toFixed(1)} on average, where 6 is undecided; lower the learning rate`;
  if (mean < 0.06)
    return `the discriminator has won: its loss is ${mean.toPrecision(2)} on average, where 6 is undecided; the generator learns nothing from it`;
  return undefined;
}

/**
 * Whether a loss that should fall has grown: its mean over the last hundred steps is more than twice that of the first hundred. In words.
 */
export function lossDivergence(history: Pick<History, 'length' | 'row'>): string | undefined {
  if (history.length < 2 * WINDOW) return undefined;
  const mean = (from: number) => {
    const values = Array.from({ length: WINDOW }, (_, i) => history.row(from + i).loss).filter((v) => v !== undefined);
    return values.reduce((a, b) => a + b, 0) / values.length;
  };
  const [first, last] = [mean(0), mean(-WINDOW)];
  return last > 2 * first
    ? `the loss has grown to ${last.toPrecision(3)} on average, from ${first.toPrecision(3)} in the first ${WINDOW} steps; lower the learning rate`
    : undefined;
}
