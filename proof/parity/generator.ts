import type { LabelMap } from '../../src/data/types';
import { Convolution } from '../../src/layers/core/convolution';
import { BatchNorm, instanceNorm } from '../../src/layers/core/normalisation';
import type { LabelLevel } from '../../src/layers/neighbourhoods/label_pyramid';
import { ResidualBlock } from '../../src/layers/residual_block';
import { Sau } from '../../src/layers/sau';
import { Spade } from '../../src/layers/spade';
import { SpadeBlock } from '../../src/layers/spade_block';
import type { LGGAN, LGGANOutput } from '../../src/models/lggan/lggan';
import * as tf from '../../src/engine/tf';
import type { Values } from './compare';
import { observe } from '../../src/inspection/observe';

/**
 * Runs the generator and gives everything that the golden files name of it, by these names, in the original's layout:
 * - the outputs: `final`, `result_global`, `result_local`, `label_3_K` (a class's pixels), `result_K`, `feature_score`, `target`,
 *   `valid_index`, `attention_global`, `attention_local`
 * - `mid_head_0_in`, what enters the global branch
 * - `sau/NAME.in`, `.weight`, `.out` of the four SAU
 * - `trace/NAME`, what each layer gives
 * Only what `wanted` asks for is kept. `training` moves the running statistics.
 */
export function runGenerator(generator: LGGAN, maps: readonly LabelMap[], training: boolean, wanted: (name: string) => boolean): Map<string, Values> {
  const values = new Map<string, Values>();
  const keep = (name: string, value: tf.Tensor4D) => {
    if (wanted(name)) values.set(name, original(value));
  };
  const heard = (name: string, kind: 'in' | 'out' | 'gamma' | 'beta' | 'weight', value: tf.Tensor4D) => {
    const isSau = /^deconv[34]_(local|attention)$/.test(name);
    if (isSau) keep(`sau/${name}.${kind}`, value);
    if (isSau && kind === 'weight') keep(`trace/${name}.sakg_block`, value);
    if (kind === 'in' && name === 'head_0') keep('mid_head_0_in', value);
    if (kind === 'in' && UPSAMPLED.includes(name)) keep(`trace/up#${UPSAMPLED.indexOf(name)}`, value);
    if (kind === 'gamma' || kind === 'beta') keep(`trace/${name}.mlp_${kind}`, value);
    if (kind !== 'out') return;
    keep(`trace/${name}`, value);
    // The norm behind a convolution is a function without a name of its own.
    const norm = isSau ? name.replace('_', '_norm_') : `${name}_norm`;
    if (wanted(`trace/${norm}`)) keep(`trace/${norm}`, instanceNorm(value));
  };
  const listener = (name: string, layer: object, args: unknown[], out: unknown) => {
    const x = args[0] as tf.Tensor4D;
    if (layer instanceof Sau) heard(name, 'weight', layer.attention(x));
    if (layer instanceof Spade) {
      const { gamma, beta } = layer.modulation(args[1] as LabelLevel);
      heard(name, 'gamma', gamma);
      heard(name, 'beta', beta);
    } else heard(name, 'in', x);
    heard(name, 'out', out as tf.Tensor4D);
  };
  const labels = generator.prepare(maps);
  try {
    const run = () =>
      tf.tidy(() => {
        const output = generator.forward(labels, { training });
        outputsOf(output, labels.at(labels.height, labels.width).oneHot, maps, keep, values, wanted);
        tf.dispose(output);
      });
    observe(generator, [Convolution, BatchNorm, Spade, SpadeBlock, ResidualBlock, Sau], listener, run, { maySkip: (name) => BYPASSED.test(name) });
  } finally {
    labels.dispose();
  }
  return values;
}

/** What fast paths may go around: then the layers around are compared. */
const BYPASSED = /^conv1$|^deconv5_\d+$|^deconv9$|\.(mlp_shared\.0|mlp_gamma|mlp_beta|param_free_norm)$|\.(sakg_block\.\w+|downsample)$/;

/** The blocks behind an upsampling, in their order. */
const UPSAMPLED = ['G_middle_0', 'up_0', 'up_1', 'up_2', 'up_3'];

function outputsOf(
  output: LGGANOutput,
  oneHot: tf.Tensor4D,
  maps: readonly LabelMap[],
  keep: (name: string, value: tf.Tensor4D) => void,
  values: Map<string, Values>,
  wanted: (name: string) => boolean,
): void {
  const [batch, height, width, classes] = oneHot.shape;
  const threefold = (x: tf.Tensor) => tf.tile(x, [1, 1, 1, 3]) as tf.Tensor4D;
  keep('final', output.final);
  keep('result_global', output.global);
  keep('result_local', output.local);
  const [local, global] = tf.split(output.weights, 2, 3);
  keep('attention_local', threefold(local));
  keep('attention_global', threefold(global));
  for (let c = 0; c < classes; c++) {
    const mask = () => threefold(tf.slice(oneHot, [0, 0, 0, c], [batch, height, width, 1]));
    if (wanted(`label_3_${c}`)) keep(`label_3_${c}`, mask());
    if (wanted(`label_3_${c}_again`)) keep(`label_3_${c}_again`, mask());
    if (!wanted(`result_${c}`)) continue;
    const constant = () => tf.broadcastTo(tf.reshape(tf.slice(output.constants, [c, 0], [1, 3]), [1, 1, 1, 3]), [batch, height, width, 3]);
    keep(`result_${c}`, output.perClass[c] ?? (constant() as tf.Tensor4D));
  }
  // The original orders these by class, then by image.
  const scores = tf.transpose(output.scores, [1, 0, 2]);
  values.set('feature_score', { shape: [classes * batch, classes], data: scores.dataSync() });
  const rows = Array.from({ length: classes * batch }, (_, i) => Math.floor(i / batch));
  values.set('target', { shape: [rows.length], data: rows });
  const present = maps.flatMap(({ data }) => Array.from({ length: classes }, (_, c) => (data.includes(c) ? 1 : 0)));
  values.set('valid_index', { shape: [batch, classes], data: present });
}

/** [N,H,W,C] as the original has it, [N,C,H,W]. */
export function original(x: tf.Tensor4D): Values {
  const turned = tf.transpose(x, [0, 3, 1, 2]);
  const values = { shape: turned.shape, data: turned.dataSync() };
  turned.dispose();
  return values;
}
