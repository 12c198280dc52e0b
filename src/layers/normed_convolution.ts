import type * as tf from '../engine/tf';
import { Convolution, type ConvolutionOptions } from './core/convolution';
import type { Parameters } from './core/parameters';
import { SpectralNorm } from './spectral_norm';

/** A convolution under spectral norm, or with its plain kernel where `normalised` is false. */
export class NormedConvolution {
  private readonly conv: Convolution;
  private readonly spectral?: SpectralNorm;

  constructor(p: Parameters, cin: number, cout: number, options: ConvolutionOptions, normalised = true) {
    this.conv = new Convolution(p, cin, cout, { ...options, weightName: 'weight_orig' });
    if (normalised) this.spectral = new SpectralNorm(p, this.conv.weight);
  }

  /** @param training takes one power iteration first */
  apply(x: tf.Tensor4D, training: boolean): tf.Tensor4D {
    return this.conv.apply(x, this.spectral?.apply(training));
  }
}
