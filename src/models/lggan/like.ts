import { CLASS_NAMES } from '../../classes';
import { UserError } from '../../common/errors';
import { classNamed } from '../../data/mapping';
import * as tf from '../../engine/tf';
import type { Generator } from './generator';

/**
 * Classes that a training set lacks, painted as another one is from now on: `{ lake: 'water' }`. All that a network knows of a class by its number is
 * copied: its part of the first convolution, of every SPADE's, of the classifier, its own convolution in the local branch, and its part of the last one
 * there. What else was painted stays, and a map of one is painted as a map of the other, but for a row of pixels along the border, which the last
 * convolution pads with zeros.
 * @throws UserError for a name that is no class, and for a network of other classes than the project's 29
 */
export function paintLike(generator: Generator, like: Readonly<Record<string, string>>): void {
  const { classes } = generator.config;
  if (classes !== CLASS_NAMES.length) {
    throw new UserError(`like: this network has ${classes} classes, which have no names; only those of the project's ${CLASS_NAMES.length} do.`);
  }
  const pairs = Object.entries(like).map(([to, from]) => ({ to: classNamed(to, 'like'), from: classNamed(from, 'like') }));
  const same = pairs.find(({ from, to }) => from === to);
  if (same) throw new UserError(`like: '${CLASS_NAMES[same.to]}' is to be painted like itself; name another class.`);
  const changed = pairs.find(({ from }) => pairs.some(({ to }) => to === from));
  if (changed) throw new UserError(`like: '${CLASS_NAMES[changed.from]}' is itself to be painted like another class; name that one.`);
  const variables = new Map(generator.parameters.entries().map(({ name, variable }) => [name, variable]));
  const shift = tf.tidy(() => constantShift(variables, pairs));
  for (const [name, variable] of variables) {
    const axis = classAxis(name);
    if (axis === undefined) continue;
    tf.tidy(() => {
      const each = variable.shape[axis] / classes;
      const order = Array.from({ length: variable.shape[axis] }, (_, i) => i);
      for (const { to, from } of pairs) for (let k = 0; k < each; k++) order[to * each + k] = from * each + k;
      variable.assign(tf.gather(variable, tf.tensor1d(order, 'int32'), axis));
    });
  }
  for (const { to, from } of pairs) {
    for (const part of ['weight', 'bias']) {
      const [own, other] = [to, from].map((c) => variables.get(`deconv5_${c}.${part}`));
      if (own && other) tf.tidy(() => own.assign(tf.clone(other)));
    }
  }
  const bias = variables.get('deconv9.bias');
  if (bias && shift) tf.tidy(() => bias.assign(tf.add(bias, shift)));
  shift?.dispose();
}

/** The axis along which a parameter has a part for each class. */
function classAxis(name: string): number | undefined {
  if (name === 'conv1.weight' || name === 'deconv9.weight' || name.endsWith('mlp_shared.0.weight')) return 2;
  if (name === 'fc2.weight') return 1;
  return name === 'fc2.bias' ? 0 : undefined;
}

/**
 * The last convolution of the local branch sees absent classes as constants. By how much these change away from the border, for its bias to take
 * back, [3]; undefined for a network without a local branch.
 */
function constantShift(variables: ReadonlyMap<string, tf.Variable>, pairs: readonly { to: number; from: number }[]): tf.Tensor | undefined {
  const last = variables.get('deconv9.weight');
  if (!last || !pairs.length) return undefined;
  const constant = (c: number) => {
    const kernel = tf.sum(tf.slice(last as tf.Tensor4D, [0, 0, 3 * c, 0], [-1, -1, 3, -1]), [0, 1]);
    return tf.sum(tf.mul(tf.reshape(tf.tanh(variables.get(`deconv5_${c}.bias`)!), [3, 1]), kernel), 0);
  };
  return tf.addN(pairs.map(({ to, from }) => tf.sub(constant(to), constant(from))));
}
