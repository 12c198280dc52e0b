import * as tf from '../../engine/tf';
import { ClassSpecificGenerator, type ClassSpecificOutput } from '../../layers/class_specific';
import type { Parameters } from '../../layers/core/parameters';
import type { LabelPyramid } from '../../layers/neighbourhoods/label_pyramid';
import { ResidualBlock } from '../../layers/residual_block';
import { StyleInput } from '../../layers/style';
import { Climb } from './climb';
import type { LGGANConfig } from './config';
import { replace } from './replace';

export interface LocalOutput extends ClassSpecificOutput {
  /** Class scores (logits); row r holds what the features of class r look like, [B,classes,classes]. */
  scores: tf.Tensor3D;
  /** What went into each upsampler: of these SAU computes its weights. */
  inputs: tf.Tensor4D[];
}

/**
 * LGGAN's local branch (1912.12215, section 3.3): residual blocks, two upsamplers, then a generator for each class; and the class score,
 * which asks that the features of a class can be told from those of others. features [B,H/4,W/4,4n] -> image [B,H,W,3] in -1..1.
 */
export class LocalBranch {
  readonly residualBlocks: readonly ResidualBlock[];
  readonly climb: Climb;
  private readonly style?: StyleInput;
  readonly classSpecific: ClassSpecificGenerator;
  private readonly scoreWeight: tf.Tensor2D;
  private readonly scoreBias: tf.Tensor1D;
  private readonly classes: number;

  constructor(p: Parameters, config: LGGANConfig) {
    const { ngf, classes } = config;
    this.classes = classes;
    this.residualBlocks = Array.from({ length: config.residualBlocks }, (_, i) => new ResidualBlock(p.scope(`resnet_blocks${i + 1}`), 4 * ngf));
    this.climb = new Climb(p, 'local', config);
    if (config.style) this.style = new StyleInput(p.scope('deconv5'), ngf);
    this.classSpecific = new ClassSpecificGenerator(p, ngf, classes);
    this.scoreWeight = p.scope('fc2').dense('weight', [ngf, classes]);
    this.scoreBias = p.scope('fc2').vector('bias', classes);
  }

  apply(shallow: tf.Tensor4D, labels: LabelPyramid, style?: tf.Tensor2D): LocalOutput {
    let x = tf.clone(shallow);
    for (const block of this.residualBlocks) x = replace(x, (y) => block.apply(y));
    const { features, inputs } = this.climb.apply(x);
    const painted = tf.tidy(() => this.classSpecific.apply(this.style ? this.style.apply(features, style) : features, labels));
    return { ...painted, scores: this.classScores(features, labels), inputs };
  }

  /** Mean over the whole map of the features of each class, through one shared fully connected layer. */
  private classScores(features: tf.Tensor4D, labels: LabelPyramid): tf.Tensor3D {
    const [b, h, w, c] = features.shape;
    const { classes } = this;
    const masks = tf.reshape(labels.at(h, w).oneHot, [b, h * w, classes]) as tf.Tensor3D;
    const sums = tf.matMul(masks, tf.reshape(features, [b, h * w, c]) as tf.Tensor3D, true);
    const means = tf.reshape(tf.div(sums, h * w), [b * classes, c]) as tf.Tensor2D;
    return tf.reshape(tf.add(tf.matMul(means, this.scoreWeight), this.scoreBias), [b, classes, classes]);
  }
}
