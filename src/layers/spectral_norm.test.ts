import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import { hasOwnKernels } from '../engine/own_kernels';
import * as tf from '../engine/tf';
import { Parameters } from './core/parameters';
import { singularVectors, SpectralNorm } from './spectral_norm';

function toy(shape: [number, number, number, number]) {
  const p = new Parameters();
  const weight = p.conv('weight_orig', shape);
  const norm = new SpectralNorm(p, weight);
  const [, u, v] = p.entries().map((e) => e.variable);
  return { p, weight, norm, u, v };
}

/*
 * PyTorch 2.13, float64: spectral_norm(Conv2d(2, 3, (2, 3), bias=False)) of torch.nn.utils, weight sin(1), sin(2), ... sin(36),
 * weight_u [1, 2, 2] / 3, weight_v 1..12 by its length.
 */
const TORCH = {
  /** The first of three rows, as in all that follow but u and v. */
  evaluation: [-1.4851369, -1.6048458, -0.2490669, 1.335703, 1.6924337, 0.4931486, -1.159535, -1.7461475, -0.72736, 0.9601589, 1.7649122, 0.9470133],
  u: [0.5152283495944034, 0.6418230322864206, 0.5679814636067726],
  v: [
    0.12482640208226557, 0.3889538351540091, 0.29547890593766923, -0.06965796672697337, -0.370751626027009, -0.3309779501665369, 0.013095326694028705,
    0.34512882058429756, 0.35985246847246616, 0.04372941639173353, -0.31259825945102293, -0.38152453717524293,
  ],
  training: [
    0.2175347579, 0.2350690626, 0.0364819552, -0.1956464936, -0.2478984585, -0.0722337239, 0.1698423633, 0.2557661649, 0.106539734, -0.140638837, -0.2585147099,
    -0.1387133507,
  ],
  /** Of sum(weight * cos(0..35)). */
  gradient: [
    0.1909027080696062, -0.07100658999077247, -0.267632756677302, -0.21819860112641368, 0.03184634202569453, 0.25261190518631, 0.24112724769811988,
    0.007951310691554442, -0.2325350246954781, -0.25922973076769773, -0.04758981787125016, 0.20780395410433525,
  ],
};

/** PyTorch's [out, in, kh, kw] to ours, and the first output channel of ours in PyTorch's order. */
const fromTorch = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [3, 2, 2, 3]), [2, 3, 1, 0]) as tf.Tensor4D;
const firstRow = (x: tf.Tensor) => tf.reshape(tf.slice(tf.transpose(x, [3, 2, 0, 1]), 0, 1), [-1]);

test("evaluation, one power iteration and the gradient are PyTorch's", () => {
  const { p, weight, norm, u, v } = toy([2, 3, 2, 3]);
  tf.tidy(() => {
    weight.assign(fromTorch(tf.sin(tf.range(1, 37))));
    u.assign(tf.tensor1d([1 / 3, 2 / 3, 2 / 3]));
    const count = tf.range(1, 13);
    v.assign(tf.div(count, tf.norm(count)));
    assertClose(firstRow(norm.apply(false)), TORCH.evaluation, 2e-6, 'evaluation');
    assertClose(u, [1 / 3, 2 / 3, 2 / 3], 1e-7);
    assertClose(firstRow(norm.apply(true)), TORCH.training, 2e-6, 'training');
    assertClose(u, TORCH.u, 1e-6, 'u');
    assertClose(v, TORCH.v, 1e-6, 'v');
    const target = fromTorch(tf.cos(tf.range(0, 36)));
    const { grads } = tf.variableGrads(() => tf.sum(tf.mul(norm.apply(false), target)) as tf.Scalar, [weight]);
    assertClose(firstRow(grads[weight.name]), TORCH.gradient, 3e-6, 'gradient');
  });
  p.dispose();
});

test('the largest singular value of a known matrix is found and becomes 1', () => {
  // Columns of a Hadamard matrix are orthogonal with length 2: times 3, 1, 0.5 and 0.25 the singular values are 6, 2, 1 and 0.5.
  const hadamard = [1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1];
  const { p, weight, norm, u } = toy([2, 2, 1, 4]);
  tf.tidy(() => {
    weight.assign(
      tf.tensor4d(
        hadamard.map((h, i) => h * [3, 1, 0.5, 0.25][i % 4]),
        [2, 2, 1, 4],
      ),
    );
    // The ratio of the singular values is 3: each iteration leaves a ninth of what is missing.
    let normalised = norm.apply(true);
    for (let i = 0; i < 20; i++) normalised = norm.apply(true);
    assertClose(normalised, tf.div(weight, 6), 1e-6);
    assertClose(tf.abs(u), [1, 0, 0, 0], 1e-6);
  });
  p.dispose();
});

test('the vectors of a kernel that came without them are those of its largest singular value', async () => {
  // As above, with rows as outputs and singular values 6, 4, 1 and 0.5: each iteration leaves 4/9 of the square of what is missing.
  const hadamard = [1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1];
  const weight = Float32Array.from(hadamard, (h, i) => h * [3, 2, 0.5, 0.25][i >> 2]);
  const { u, v } = singularVectors(weight, 4);
  assertClose(Float32Array.from(u, Math.abs), [1, 0, 0, 0], 1e-4);
  const sigma = u.reduce((sum, ui, i) => sum + ui * v.reduce((dot, vk, k) => dot + vk * weight[4 * i + k], 0), 0);
  assertClose(sigma, 6, 1e-6);
  await assertNoLeak(() => void singularVectors(weight, 4));
});

test('a fresh kernel is divided by about its largest singular value, also before any training', () => {
  const { p, weight, norm } = toy([3, 3, 16, 32]);
  tf.tidy(() => {
    const used = norm.apply(false);
    const sigma = tf.div(tf.sum(weight), tf.sum(used)).dataSync()[0];
    // The singular values of a random matrix of 144 x 32 go from about std * (12 - 5.7) to std * (12 + 5.7); an iteration finds one of
    // the upper half.
    const std = 0.02 * Math.sqrt(2 / (9 * 48));
    if (!(sigma > std * 12 && sigma < std * 18)) throw new Error(`sigma is ${sigma / std} standard deviations`);
  });
  p.dispose();
});

test('evaluation changes neither vector, training both, and they have length 1 then', () => {
  const { p, norm, u, v } = toy([3, 3, 4, 5]);
  tf.tidy(() => {
    const before = [tf.clone(u), tf.clone(v)].map((t) => t.dataSync().slice());
    norm.apply(false);
    assertClose(u, before[0], 0);
    assertClose(v, before[1], 0);
    norm.apply(true);
    assertClose(tf.norm(u), 1, 1e-6);
    assertClose(tf.norm(v), 1, 1e-6);
    const moved = [...u.dataSync()].some((x, i) => Math.abs(x - before[0][i]) > 1e-3);
    if (!moved) throw new Error('training did not move u');
  });
  p.dispose();
});

test('a training pass in one kernel is as written: the kernel, both vectors and the gradient', { skip: !hasOwnKernels() }, () => {
  // Rows and columns that sixteens do not divide, too.
  for (const shape of [
    [3, 3, 7, 33],
    [1, 1, 130, 16],
    [4, 4, 3, 5],
  ] as [number, number, number, number][]) {
    // prettier-ignore
    const [one, other] = [toy(shape), toy(shape)];
    tf.tidy(() => {
      const start = normalTensor(shape, 5, 0.3);
      const dy = normalTensor(shape, 6, 1);
      const pass = ({ weight, u, v }: ReturnType<typeof toy>, f: () => tf.Tensor4D) => {
        weight.assign(start as tf.Tensor4D);
        u.assign(tf.reshape(normalTensor([shape[3]], 7, 1), [shape[3]]) as tf.Tensor1D);
        const { value, grads } = tf.variableGrads(() => tf.sum(tf.mul(dy, f())) as tf.Scalar, [weight]);
        return [value, grads[weight.name], u, v];
      };
      const expected = pass(other, () => other.norm.asWritten(true));
      pass(one, () => one.norm.apply(true)).forEach((t, i) => {
        const absolute = 1e-5 * tf.max(tf.abs(expected[i])).dataSync()[0];
        assertClose(t, expected[i], { relative: 0, absolute }, `${shape}: ${['sum', 'gradient', 'u', 'v'][i]}`);
      });
    });
    one.p.dispose();
    other.p.dispose();
  }
});

test('the gradient, which takes u and v as constants, agrees with finite differences', () => {
  const { p, weight, norm } = toy([3, 3, 2, 4]);
  tf.tidy(() => {
    weight.assign(normalTensor([3, 3, 2, 4], 5));
    norm.apply(true);
  });
  checkGradient(() => norm.apply(false), [weight]);
  p.dispose();
});

test('no tensor is left', async () => {
  const { p, weight, norm } = toy([3, 3, 2, 4]);
  await assertNoLeak(() => tf.tidy(() => void norm.apply(true)));
  await assertNoLeak(() => {
    const { value, grads } = tf.variableGrads(() => tf.sum(norm.apply(true)) as tf.Scalar, [weight]);
    tf.dispose([value, grads]);
  });
  p.dispose();
});
