import test from 'node:test';
import { IGNORE, type LabelMap } from '../data/types';
import { assertClose, assertNoLeak, checkGradient, normals } from '../../proof/testing/close';
import { assertSame, labelMap, normalTensor, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { LabelPyramid, type LabelLevel } from './neighbourhoods/label_pyramid';
import { Parameters } from './core/parameters';
import { Spade } from './spade';

const CLASSES = 5;

function toy(channels: number, hidden = 4) {
  const p = new Parameters();
  const spade = new Spade(p, channels, CLASSES, hidden, 'paper');
  scatter(p.trainable, 21);
  return { p, spade, variables: p.trainable.map((e) => e.variable) };
}

const noise = (height: number, width: number, seed: number) => {
  const next = normals(seed);
  return labelMap(height, width, () => Math.floor(Math.abs(next()) * 1e6) % CLASSES);
};

const MAPS: Record<string, LabelMap[]> = {
  'a scene': [labelMap(16, 20, (y, x) => (y < 5 + (x >> 3) ? 1 : x < 9 ? 0 : 4))],
  'one class': [labelMap(12, 12, () => 3)],
  noise: [noise(6, 7, 1)],
  'ignored pixels': [labelMap(14, 12, (y, x) => (x > 7 ? IGNORE : y < 6 ? 2 : 0))],
  'two maps': [labelMap(12, 14, (y) => (y < 4 ? 1 : 2)), labelMap(12, 14, (_, x) => (x < 5 ? 2 : 1))],
};

/** Makes the table also where the dense way is chosen, from one more map that fills the batch with repeated neighbourhoods. */
function levelOf(maps: LabelMap[]): { level: LabelLevel; pyramid: LabelPyramid } {
  for (let copies = 1; ; copies++) {
    const pyramid = new LabelPyramid(Array(copies).fill(maps).flat(), CLASSES);
    const level = pyramid.at(maps[0].height, maps[0].width);
    if (level.neighbourhoods) return { level, pyramid };
    pyramid.dispose();
  }
}

test("the table of distinct neighbourhoods gives the convolutions' values and gradients", (t) => {
  const { p, spade, variables } = toy(3);
  for (const [name, maps] of Object.entries(MAPS)) {
    const { level, pyramid } = levelOf(maps);
    const stack = ({ gamma, beta }: { gamma: tf.Tensor; beta: tf.Tensor }) => tf.concat([gamma, beta], 3);
    // The normalisation takes no part; its running statistics are not among the inputs. Sums of some 300 products.
    const found = assertSame(
      () => stack(spade.modulation(level)),
      () => stack(spade.modulationAsWritten(level)),
      variables,
      {
        value: 2e-6,
        gradient: 1e-5,
      },
    );
    t.diagnostic(
      `${name}: ${level.neighbourhoods!.count} of ${level.oneHot.size / CLASSES}, value ${found.value.toExponential(1)}, ` +
        `gradient ${found.gradient.toExponential(1)}`,
    );
    pyramid.dispose();
  }
  p.dispose();
});

test('the whole layer by table has the values, gradients and running statistics of the plain one, in training and evaluation', () => {
  for (const training of [true, false]) {
    for (const [name, maps] of Object.entries(MAPS)) {
      const [fast, plain] = [toy(16), toy(16)];
      const { level, pyramid } = levelOf(maps);
      const x = tf.add(tf.mul(normalTensor([pyramid.batch, level.height, level.width, 16], 1), 2), 0.5) as tf.Tensor4D;
      const outcome = (net: ReturnType<typeof toy>, apply: (a: tf.Tensor4D) => tf.Tensor) =>
        tf.tidy(() => {
          const { value, grads } = tf.engine().gradients(() => apply(x), [x, ...net.variables], normalTensor(x.shape, 3), true);
          return [value, ...grads].map((t) => t.dataSync());
        }) as unknown as Float32Array[];
      const a = outcome(fast, (t) => fast.spade.apply(t, level, training));
      const e = outcome(plain, (t) => plain.spade.asWritten(t, level, training));
      // Sums over up to a thousand pixels.
      a.forEach((t, i) => assertClose(t, e[i], 1e-5, `${name}, ${i ? `gradient ${i}` : 'value'}`));
      fast.p.entries().forEach(({ name: parameter, variable }, i) => assertClose(variable, plain.p.entries()[i].variable, 0, `${name}, ${parameter}`));
      x.dispose();
      pyramid.dispose();
      [fast, plain].forEach((net) => net.p.dispose());
    }
  }
});

test('where nearly all neighbourhoods differ, the convolutions are taken', () => {
  const { p, spade } = toy(3);
  const pyramid = new LabelPyramid(MAPS.noise, CLASSES);
  const level = pyramid.at(6, 7);
  tf.tidy(() => {
    if (level.neighbourhoods) throw new Error('expected none');
    assertClose(spade.modulation(level).gamma, spade.modulationAsWritten(level).gamma, 0);
  });
  pyramid.dispose();
  p.dispose();
});

test('the result is norm(x) * (1 + gamma) + beta, with statistics of the batch in training', () => {
  const { p, spade } = toy(2);
  const pyramid = new LabelPyramid(MAPS['two maps'], CLASSES);
  const level = pyramid.at(12, 14);
  tf.tidy(() => {
    const x = tf.add(tf.mul(normalTensor([2, 12, 14, 2], 1), 3), 5) as tf.Tensor4D;
    const { gamma, beta } = spade.modulationAsWritten(level);
    const modulated = (normal: tf.Tensor) => tf.add(tf.mul(normal, tf.add(1, gamma)), beta);
    // Running statistics start at mean 0, variance 1.
    assertClose(spade.apply(x, level, false), modulated(tf.div(x, Math.sqrt(1 + 1e-5))), 1e-6);
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    assertClose(spade.apply(x, level, true), modulated(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)))), 1e-5);
  });
  pyramid.dispose();
  p.dispose();
});

test('gamma by hand: a hidden layer of ones sees zeros outside of the map', () => {
  const p = new Parameters();
  const spade = new Spade(p, 1, CLASSES, 1, 'paper');
  const set = (name: string, value: number) => {
    const { variable } = p.entries().find((e) => e.name === name)!;
    tf.tidy(() => variable.assign(tf.fill(variable.shape, value)));
  };
  for (const e of p.trainable) set(e.name, 0);
  set('mlp_shared.0.bias', 1);
  set('mlp_gamma.weight', 1);
  set('mlp_beta.bias', 0.25);
  const { level, pyramid } = levelOf([labelMap(9, 9, () => 2)]);
  tf.tidy(() => {
    const { gamma, beta } = spade.modulation(level);
    // How many of the 3x3 hidden pixels lie inside: 4 in a corner, 6 at an edge, 9 within.
    const expected = Array.from({ length: 81 }, (_, i) => {
      const [y, x] = [Math.floor(i / 9), i % 9];
      return (y % 8 ? 3 : 2) * (x % 8 ? 3 : 2);
    });
    assertClose(gamma, expected, 0);
    assertClose(beta, Array(81).fill(0.25), 0);
  });
  pyramid.dispose();
  p.dispose();
});

test('gradients of the whole layer agree with finite differences', () => {
  const { p, spade, variables } = toy(2);
  // Away from the kinks of the relu.
  tf.tidy(() =>
    p
      .entries()
      .find((e) => e.name === 'mlp_shared.0.bias')!
      .variable.assign(tf.tensor1d([3, -3, 4, 5])),
  );
  const pyramid = new LabelPyramid([labelMap(8, 10, (y, x) => (y < 3 ? 1 : x < 5 ? IGNORE : 2))], CLASSES);
  const x = normalTensor([1, 8, 10, 2], 1);
  checkGradient((a) => spade.apply(a as tf.Tensor4D, pyramid.at(8, 10), true), [x, ...variables]);
  x.dispose();
  pyramid.dispose();
  p.dispose();
});

test('no tensor is left', async () => {
  const { p, spade, variables } = toy(2);
  const { level, pyramid } = levelOf(MAPS['a scene']);
  const x = normalTensor([1, 16, 20, 2], 1);
  await assertNoLeak(() => tf.tidy(() => void spade.apply(x, level, true)));
  await assertNoLeak(() => {
    const { value, grads } = tf.variableGrads(() => tf.sum(spade.apply(x, level, true)), variables);
    tf.dispose([value, grads]);
  });
  x.dispose();
  pyramid.dispose();
  p.dispose();
});
