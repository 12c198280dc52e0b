import * as tf from '../engine/tf';
import { Parameters } from '../layers/core/parameters';

/**
 * Exponential moving average of a network's parameters: average = decay * average + (1 - decay) * parameter. Until the average has
 * seen enough steps the decay is (1 + step) / (10 + step), as in TensorFlow, so that it does not remember the initial weights.
 * What is not trained (running statistics, vectors of spectral norm) is copied.
 */
export class MovingAverage {
  private steps = 0;

  /** `average` belongs to a second network of the same shape, which then holds the averaged weights. */
  constructor(
    private readonly source: Parameters,
    private readonly average: Parameters,
    private readonly decay: number,
  ) {
    this.reset();
  }

  update(): void {
    this.steps += 1;
    const decay = Math.min(this.decay, (1 + this.steps) / (10 + this.steps));
    const sources = this.source.entries();
    this.average.entries().forEach(({ variable, trainable }, i) => {
      const now = sources[i].variable;
      tf.tidy(() =>
        variable.assign(trainable ? tf.add(tf.mul(variable, decay), tf.mul(now, 1 - decay)) : tf.clone(now)),
      );
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
}
