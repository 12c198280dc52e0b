import * as tf from '../engine/tf';
import type { Behaviour } from '../common/config';
import { leakyRelu } from './core/activation';
import { Convolution } from './core/convolution';
import type { LabelLevel } from './neighbourhoods/label_pyramid';
import { NoiseInput, type NoisePatterns } from './noise';
import type { Parameters } from './core/parameters';
import { Spade } from './spade';
import { StyleInput } from './style';
import { SpectralNorm } from './spectral_norm';

/** The tensors that a painting depends on beside its label map. */
export interface Conditions {
  /** Of the noise inputs: a pattern for each size of map. Default: that of seed 0. */
  noise?: NoisePatterns;
  /** Of each image, [B,8], see `styleOf`. Default: the average style. */
  style?: tf.Tensor2D;
}

/**
 * SPADE's residual block (1903.07291, figure 4): dx = conv_0(lrelu(norm_0(x))), then conv_1(lrelu(norm_1(dx))), added to x, or to
 * conv_s(norm_s(x)) where the width changes. The middle width is the smaller of the two. [B,H,W,cin] -> [B,H,W,cout].
 * With `noise` conv_0 and conv_1 see noise beside their input (see `NoiseInput`), with `style` the style of the image (see `StyleInput`).
 */
export class SpadeBlock {
  /** The SPADE layers by their names in the block: norm_0, norm_1 and, where the width changes, norm_s. */
  readonly spades: Readonly<Record<string, Spade>>;
  private readonly main: Stage[];
  private readonly shortcut?: Stage;

  constructor(p: Parameters, cin: number, cout: number, classes: number, hidden: number, choices: Behaviour, inputs: Inputs = {}) {
    const middle = Math.min(cin, cout);
    const stage = (suffix: string, from: number, to: number, kernel: number) =>
      new Stage(p, suffix, from, to, kernel, classes, hidden, choices, kernel > 1 ? inputs : {});
    this.main = [stage('0', cin, middle, 3), stage('1', middle, cout, 3)];
    if (cin !== cout) this.shortcut = stage('s', cin, cout, 1);
    this.spades = { norm_0: this.main[0].norm, norm_1: this.main[1].norm, ...(this.shortcut && { norm_s: this.shortcut.norm }) };
  }

  apply(x: tf.Tensor4D, labels: LabelLevel, training: boolean, conditions: Conditions = {}): tf.Tensor4D {
    const dx = this.main.reduce((y, stage) => stage.apply(y, labels, training, true, conditions), x);
    return tf.add(this.shortcut ? this.shortcut.apply(x, labels, training, false, conditions) : x, dx);
  }
}

/** Which inputs there are beside a block's map and labels. */
interface Inputs {
  noise?: boolean;
  style?: boolean;
}

/** SPADE, leaky relu (not on the shortcut), convolution. */
class Stage {
  readonly norm: Spade;
  private readonly conv: Convolution;
  private readonly spectral?: SpectralNorm;
  private readonly noise?: NoiseInput;
  private readonly style?: StyleInput;

  constructor(p: Parameters, suffix: string, cin: number, cout: number, kernel: number, classes: number, hidden: number, choices: Behaviour, inputs: Inputs) {
    const scope = p.scope(`conv_${suffix}`);
    const isShortcut = kernel === 1;
    this.norm = new Spade(p.scope(`norm_${suffix}`), cin, classes, hidden, choices.runningVariance);
    this.conv = new Convolution(scope, cin, cout, {
      kernel,
      padding: (kernel - 1) / 2,
      bias: !isShortcut,
      weightName: 'weight_orig',
    });
    if (inputs.noise) this.noise = new NoiseInput(scope, cin);
    if (inputs.style) this.style = new StyleInput(scope, cin);
    if (choices.spectralNorm === 'paper') this.spectral = new SpectralNorm(scope, this.conv.weight);
  }

  apply(x: tf.Tensor4D, labels: LabelLevel, training: boolean, activate: boolean, { noise, style }: Conditions): tf.Tensor4D {
    const normed = this.norm.apply(x, labels, training);
    const y = activate ? leakyRelu(normed) : normed;
    const noisy = this.noise ? this.noise.apply(y, noise) : y;
    return this.conv.apply(this.style ? this.style.apply(noisy, style) : noisy, this.spectral?.apply(training));
  }
}
