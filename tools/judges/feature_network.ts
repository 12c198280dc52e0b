import type { RgbImage } from '../../src/data/types';
import type * as tf from '../../src/engine/tf';

/** A network that describes an image by a vector, for FID and KID. */
export interface FeatureNetwork {
  /** Network, layer and where its weights came from; it stands in every result. */
  readonly name: string;
  /** Whether it is the network of the published FID numbers. Others' distances compare only among themselves. */
  readonly canonical: boolean;
  readonly dimensions: number;
  /** Images of one size -> [B, dimensions], freed by the caller. */
  features(images: readonly RgbImage[]): tf.Tensor2D;
  dispose(): void;
}
