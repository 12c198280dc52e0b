import type { RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import type { Nima } from './nima';
import { bootstrapMean } from '../../src/metrics/bootstrap';
import type { Judge } from './judge';
import { sizesOf, type Metric } from '../../src/metrics/metric';

/** The mean aesthetic score of a set, by NIMA. */
export class AestheticJudge implements Judge {
  readonly measures = 'aesthetic';

  constructor(private readonly nima: Pick<Nima, 'name' | 'score' | 'dispose'>) {}

  get name(): string {
    return this.nima.name;
  }

  /** @throws UserError for an empty set */
  async judge(images: readonly RgbImage[], _labels?: unknown, kind = 'fake'): Promise<Metric> {
    if (!images.length) throw new UserError(`aesthetic score: there are no ${kind} images.`);
    const scores: number[] = [];
    for (const image of images) scores.push(await this.nima.score(image));
    const value = scores.reduce((a, b) => a + b, 0) / scores.length;
    const deviation = Math.sqrt(scores.reduce((s, v) => s + (v - value) ** 2, 0) / scores.length);
    return {
      name: 'aesthetic score',
      value,
      unit: 'of 1 to 10',
      n: { [kind]: images.length },
      sizes: { [kind]: sizesOf(images) },
      network: this.name,
      deviation: { value: deviation, over: `${images.length} images` },
      interval: bootstrapMean(scores),
      perImage: scores,
      notes: ['images are brought to 224x224 by the nearest pixel; photographs of AVA lie between 4 and 7 for the most part'],
    };
  }

  async dispose(): Promise<void> {
    await this.nima.dispose();
  }
}
