import * as tf from '../engine/tf';
import { UserError } from '../common/errors';
import { RCAN } from './rcan';

/** By how much everything but the picture itself is damped at the start. */
const DAMPING = 0.1;

/**
 * Changes freshly drawn weights so that the network starts as bilinear enlargement, near which it then learns: a small network is past
 * bicubic after a hundred steps, where PyTorch's initial weights, from which it first has to learn to pass a picture through, take several
 * times as many. The network itself is the original's; only its start departs from it.
 *
 * Three of the features carry the picture: the head copies it into them, the convolution before each pixel shuffle interpolates them,
 * and the tail copies them out. What else reaches the output is damped to a tenth.
 */
export function startBilinear(rcan: RCAN): void {
  const { features, groups } = rcan.config;
  if (features < 3) throw new UserError(`RCAN.features: a bilinear start needs at least 3, got ${features}`);
  const carries = (channel: number) => channel < 3;
  const centre = (y: number, x: number) => (y === 1 && x === 1 ? 1 : 0);

  edit(rcan, 'head.0', (value, i, o, y, x) => (carries(o) ? (i === o ? centre(y, x) : 0) : value));
  edit(rcan, `body.${groups}`, (value) => DAMPING * value);
  const upsampling = rcan.parameters.entries().flatMap(({ name }) => /^(tail\.0\.\d+)\.weight$/.exec(name)?.[1] ?? []);
  for (const name of upsampling) {
    const factor = rcan.config.scale === 3 ? 3 : 2;
    edit(rcan, name, (value, i, o, y, x) => {
      const [channel, dy, dx] = [Math.floor(o / factor ** 2), Math.floor(o / factor) % factor, o % factor];
      if (carries(channel)) return i === channel ? share(dy, factor, y) * share(dx, factor, x) : 0;
      return carries(i) ? 0 : value;
    });
  }
  edit(rcan, 'tail.1', (value, i, o, y, x) => (carries(i) ? (i === o ? centre(y, x) : 0) : DAMPING * value));
}

/** Weight of the neighbour `tap` (0, 1, 2) for output pixel `phase` of `factor`, whose centre lies (phase + 0.5) / factor - 0.5 off. */
function share(phase: number, factor: number, tap: number): number {
  return Math.max(0, 1 - Math.abs((phase + 0.5) / factor - 0.5 - (tap - 1)));
}

/** Replaces a 3x3 kernel number by number (value, in, out, row, column); its bias becomes 0. */
function edit(rcan: RCAN, name: string, f: (value: number, i: number, o: number, y: number, x: number) => number): void {
  const find = (suffix: string) => rcan.parameters.entries().find((e) => e.name === `${name}.${suffix}`)!.variable;
  const weight = find('weight');
  const [, width, inputs, outputs] = weight.shape;
  const values = weight.dataSync().map((value: number, at: number) => {
    const o = at % outputs;
    const i = Math.floor(at / outputs) % inputs;
    const tap = Math.floor(at / (outputs * inputs));
    return f(value, i, o, Math.floor(tap / width), tap % width);
  });
  tf.tidy(() => {
    weight.assign(tf.tensor(values, weight.shape));
    find('bias').assign(tf.zerosLike(find('bias')));
  });
}

/**
 * A copy of a trained network with more groups. The new ones come last, and each passes on what it gets, as its closing convolution is zero:
 * the deeper network paints what the trained one does, and learns from there.
 */
export function deepened(trained: RCAN, groups: number): RCAN {
  const { groups: known, blocks } = trained.config;
  const rcan = new RCAN({ ...trained.config, groups });
  const afterGroups = new RegExp(`^body\\.${known}\\.`);
  const weights = new Map(trained.parameters.entries().map(({ name, variable }) => [name.replace(afterGroups, `body.${groups}.`), variable]));
  const closing = new RegExp(`^body\\.\\d+\\.body\\.${blocks}\\.`);
  for (const { name, variable } of rcan.parameters.entries()) {
    const weight = weights.get(name);
    if (weight) variable.assign(weight);
    else if (closing.test(name)) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
  }
  return rcan;
}
