import assert from 'node:assert/strict';
import test from 'node:test';
import { Parameters, type ParameterEntry } from '../layers/core/parameters';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { Adam, type AdamConfig } from './adam';

/** The values after each step, for one vector that starts at `start` and gets the given gradients. */
function run(config: Partial<AdamConfig>, start: number[], gradients: number[][], learningRate: number): number[][] {
  const p = new Parameters();
  const x = p.vector('x', start.length);
  const adam = new Adam(p.entries(), config);
  const trace = tf.tidy(() => {
    x.assign(tf.tensor1d(start));
    return gradients.map((g) => {
      adam.step({ x: tf.tensor1d(g) }, learningRate);
      return [...x.dataSync()];
    });
  }) as unknown as number[][];
  adam.dispose();
  p.dispose();
  return trace;
}

/** Gradients from large to vanishing, so that epsilon matters in the second number. */
const GRADIENTS = [
  [3, -2e-8, 0.5],
  [-0.5, 3e-8, 0],
  [1, 1e-9, -4],
];
const START = [1, -2, 0.25];

test("the papers' Adam is PyTorch's", () => {
  // torch.optim.Adam of PyTorch 2.13 in float64, lr 0.01, eps 1e-8.
  const withoutMean = [
    [0.9900000000333333, -1.9933333333333334, 0.2400000002],
    [0.9923850834071841, -2.001724506966296, 0.2400000002],
    [0.9867436129677504, -2.002052751713916, 0.25635888220619957],
  ];
  const usual = [
    [0.9900000000333333, -1.9933333333333334, 0.2400000002],
    [0.9846146245390941, -1.9951125517444366, 0.23329941784820313],
    [0.9786632776670664, -1.996525282496685, 0.2389965073388346],
  ];
  // Values near 2 are held to 1.2e-7 in each of three steps.
  const allowed = { relative: 0, absolute: 4e-7 };
  for (const [config, expected] of [
    [{ beta1: 0, beta2: 0.9 }, withoutMean],
    [{}, usual],
  ] as const) {
    run(config, START, GRADIENTS, 0.01).forEach((x, i) => assertClose(x, expected[i], { ...allowed, message: `${JSON.stringify(config)}, step ${i + 1}` }));
  }
});

test("the original's Adam is Jittor's", () => {
  // Jittor 1.3.11: lr 1e-4, betas (0, 0.9), gradients 3, -0.5, 1e-9 times (1, 2).
  const jittor = [
    [0.9998999834060669, -2.0000998973846436],
    [0.999923825263977, -2.0000760555267334],
    [0.999923825263977, -2.0000760555267334],
  ];
  const config = { beta1: 0, beta2: 0.9, epsilonChoice: 'original' } as const;
  const gradients = [3, -0.5, 1e-9].map((g) => [g, 2 * g]);
  // One unit in the last place of 2, and half a one of the steps.
  run(config, [1, -2], gradients, 1e-4).forEach((x, i) => assertClose(x, jittor[i], { relative: 0, absolute: 2.5e-7 }, `step ${i + 1}`));
});

test('epsilon by hand, for a gradient as small as it: half of the rate, or root 0.1 / (root 0.1 + 1) of it', () => {
  const step = (epsilonChoice: 'paper' | 'original') => run({ beta1: 0, beta2: 0.9, epsilonChoice }, [0], [[1e-8]], 1)[0];
  assertClose(step('paper'), [-0.5], 1e-6);
  assertClose(step('original'), [-Math.sqrt(0.1) / (Math.sqrt(0.1) + 1)], 1e-6);
});

/** Variables of many shapes, one of them above the size of a group; `only` keeps one of them. */
const SHAPES: Record<string, [number, number, number, number] | [number]> = {
  a: [3],
  b: [3, 3, 2, 4],
  big: [5, 5, 205, 205],
  c: [7],
  d: [1, 1, 4, 4],
};

function network(only?: string) {
  const p = new Parameters(5);
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (only && only !== name) continue;
    if (shape.length === 1) p.vector(name, shape[0], { kind: 'normal', std: 1 });
    else p.conv(name, shape, { kind: 'normal', std: 1 });
  }
  p.state('running', 3, { kind: 'constant', value: 1 });
  return p;
}

/** By name, the same whatever else is in the network. */
function gradientsFor(p: Parameters, step: number): Record<string, tf.Tensor> {
  const gradient = ({ name, variable: { shape } }: ParameterEntry): tf.Tensor =>
    name === 'big' ? tf.fill(shape, 0.1 * step) : normalTensor(shape, name.charCodeAt(0) + 100 * step);
  return Object.fromEntries(p.trainable.map((e) => [e.name, gradient(e)]));
}

const valuesOf = (p: Parameters) => Object.fromEntries(p.entries().map((e) => [e.name, [...e.variable.dataSync().slice(0, 200)]]));

function steps(adam: Adam, p: Parameters, from: number, to: number) {
  for (let s = from; s <= to; s++) tf.tidy(() => adam.step(gradientsFor(p, s), 0.01));
}

test('many variables are updated as each would be alone; statistics are left alone', () => {
  const p = network();
  const adam = new Adam(p.entries());
  steps(adam, p, 1, 3);
  const together = valuesOf(p);
  assert.deepEqual(together.running, [1, 1, 1]);
  for (const name of Object.keys(SHAPES)) {
    const one = network(name);
    const alone = new Adam(one.entries());
    steps(alone, one, 1, 3);
    assert.deepEqual(valuesOf(one)[name], together[name], name);
    alone.dispose();
    one.dispose();
  }
  adam.dispose();
  p.dispose();
});

test('a state taken up again goes on exactly as if nothing had happened', () => {
  for (const beta1 of [0, 0.9]) {
    const [p, resumed] = [network(), network()];
    const adam = new Adam(p.entries(), { beta1 });
    steps(adam, p, 1, 2);
    const state = adam.state();
    assert.equal(state.steps, 2);
    assert.equal('a.m' in state.tensors, beta1 > 0);
    assert.deepEqual(state.tensors['b.v'].shape, [72]);
    const values = new Map(p.entries().map((e) => [e.name, tf.clone(e.variable)]));
    const other = new Adam(resumed.entries(), { beta1 });
    // In a tidy, where the restored tensors must outlive it.
    tf.tidy(() => other.restore(state));
    for (const e of resumed.entries()) e.variable.assign(values.get(e.name)!);
    tf.dispose([state.tensors, [...values.values()]]);
    steps(adam, p, 3, 4);
    steps(other, resumed, 3, 4);
    assert.deepEqual(valuesOf(resumed), valuesOf(p));
    [adam, other, p, resumed].forEach((x) => x.dispose());
  }
});

test('a state that does not fit is refused, and the optimiser keeps its own', () => {
  const p = network();
  const adam = new Adam(p.entries());
  const state = adam.state();
  const { ['c.v']: missing, ...rest } = state.tensors;
  assert.throws(() => adam.restore({ steps: 1, tensors: rest }), /does not fit: c\.v/);
  steps(adam, p, 1, 1);
  tf.dispose([rest, missing]);
  adam.dispose();
  p.dispose();
});

test('a parameter without a gradient is treated as one with the gradient 0: its means decay', () => {
  const p = network();
  const q = network();
  const [adam, other] = [new Adam(p.entries()), new Adam(q.entries())];
  steps(adam, p, 1, 1);
  steps(other, q, 1, 1);
  tf.tidy(() => {
    const { c, ...rest } = gradientsFor(p, 2);
    adam.step(rest, 0.01);
    other.step({ ...gradientsFor(q, 2), c: tf.zerosLike(c) }, 0.01);
  });
  assert.deepEqual(valuesOf(p), valuesOf(q));
  [adam, other, p, q].forEach((x) => x.dispose());
});

test('no tensor is left', async () => {
  const p = network();
  const adam = new Adam(p.entries());
  await assertNoLeak(() => steps(adam, p, 1, 1));
  await assertNoLeak(() => {
    const state = adam.state();
    adam.restore(state);
    tf.dispose(state.tensors);
  });
  const before = tf.memory().numTensors;
  new Adam(p.entries()).dispose();
  assert.equal(tf.memory().numTensors, before);
  adam.dispose();
  p.dispose();
});
