import type { LabelMap, RgbImage } from '../../src/data/types';
import type { Metric } from '../../src/metrics/metric';

/**
 * A network from outside the project that judges images: an aesthetic model, a scene segmenter. Two judges of the same
 * quality need not agree, so every result carries the judge's name.
 */
export interface Judge {
  /** Model, training set and file: `NIMA MobileNet (AVA), nima_mobilenet.onnx`. */
  readonly name: string;
  /** What it measures. Contest scores take `aesthetic` (1 to 10) and `mask accuracy` (share of pixels). */
  readonly measures: 'aesthetic' | 'mask accuracy';
  /** `labels`, aligned with `images`, are needed where `measures` is `mask accuracy`; `kind` says what the images are: `fake`, `real`, `mean colours`. */
  judge(images: readonly RgbImage[], labels?: readonly LabelMap[], kind?: string): Promise<Metric>;
  dispose(): void | Promise<void>;
}
