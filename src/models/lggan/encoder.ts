import * as tf from '../../engine/tf';
import { relu } from '../../layers/core/activation';
import { Convolution } from '../../layers/core/convolution';
import { gatherRows } from '../../layers/core/rows';
import { instanceNorm } from '../../layers/core/normalisation';
import type { Parameters } from '../../layers/core/parameters';
import type { LabelPyramid } from '../../layers/neighbourhoods/label_pyramid';
import { convolveTable } from '../../layers/neighbourhoods/window_table';

/** Side of the first kernel. */
export const FIRST_KERNEL = 7;

/**
 * LGGAN's encoder (1912.12215, section 3.1): a convolution 7x7, then 3x3 with stride 2, each with instance norm and relu; n = ngf:
 * conv1 [B,H,W,n], conv2 [B,H/2,W/2,2n], conv3 [B,H/4,W/4,4n], conv4 [B,H/8,W/8,8n], conv5 [B,H/16,W/16,16n].
 */
export class Encoder {
  private readonly first: Convolution;
  private readonly strided: Convolution[];

  /** @param depth how many convolutions: the local branch needs three of them, the global one five */
  constructor(p: Parameters, classes: number, ngf: number, depth: 3 | 5) {
    const padding = (FIRST_KERNEL - 1) / 2;
    this.first = new Convolution(p.scope('conv1'), classes, ngf, { kernel: FIRST_KERNEL, padding, paddingMode: 'reflect' });
    this.strided = Array.from({ length: depth - 1 }, (_, i) => {
      return new Convolution(p.scope(`conv${i + 2}`), ngf << i, ngf << (i + 1), { kernel: 3, stride: 2, padding: 1 });
    });
  }

  /** `shallow`: what the local branch and the weight maps start from (conv3); `deep`: what the global branch starts from (conv5, if there). */
  apply(labels: LabelPyramid): { shallow: tf.Tensor4D; deep: tf.Tensor4D } {
    const features = this.features(labels);
    return { shallow: features[2], deep: features[4] };
  }

  /** What each convolution gives, behind instance norm and relu. */
  features(labels: LabelPyramid): tf.Tensor4D[] {
    const finish = (convolve: () => tf.Tensor4D) => tf.tidy(() => relu(instanceNorm(convolve())));
    let x = finish(() => this.firstConvolution(labels));
    return [x, ...this.strided.map((conv) => (x = finish(() => conv.apply(x))))];
  }

  /** On labels a convolution depends on the window around a pixel alone, and few of them differ. */
  private firstConvolution(labels: LabelPyramid): tf.Tensor4D {
    const { batch, height, width, entry } = labels;
    if (!entry) return this.first.apply(labels.at(height, width).oneHot);
    const rows = gatherRows(convolveTable(entry, this.first), entry.index);
    return tf.reshape(rows, [batch, height, width, rows.shape[1]]);
  }
}
