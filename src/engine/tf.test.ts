import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';
import test from 'node:test';
import { TYPESCRIPT } from '../../proof/testing/command';
import * as tf from './tf';

const root = path.join(__dirname, '..', '..');

/** Runs code in a Node of its own after importing the engine as `tf`. */
function inNewProcess(code: string, env: Record<string, string>): { stdout: string; stderr: string } {
  const script = `const tf = require('./src/engine/tf'); ${code}`;
  const result = spawnSync(process.execPath, [...TYPESCRIPT, '-e', script], {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  assert.equal(result.status, 0, result.stderr);
  return result;
}

// A 3x3 mean with zero padding: 4/9 in the corners, 6/9 on the borders, 1 inside.
const CONVOLUTION = `
  const y = tf.conv2d(tf.ones([1, 3, 3, 1]), tf.fill([3, 3, 1, 1], 1 / 9), 1, 'same');
  console.log(JSON.stringify([tf.engineInfo(), Array.from(y.dataSync(), (v) => Math.round(v * 9))]));`;

for (const [choice, name] of [
  ['auto', tf.getBackend()],
  ['wasm', 'wasm'],
  ['plain', 'cpu'],
]) {
  test(`engine ${choice}: ready after the import, computes, prints nothing of its own`, () => {
    const { stdout, stderr } = inNewProcess(CONVOLUTION, { LGGAN_ENGINE: choice });
    const [info, values] = JSON.parse(stdout);
    assert.equal(info.name, name);
    assert.deepEqual(values, [4, 6, 4, 6, 9, 6, 4, 6, 4]);
    assert.equal(stderr, '');
  });
}

test('the WebAssembly engine has the kernels that training needs, equal to those of the plain engine', () => {
  // Sums of some hundred products of numbers below 1 in float32: equal to about 1e-5.
  inNewProcess(
    `
    const assert = require('node:assert');
    const x = tf.randomUniform([2, 7, 6, 3], -1, 1, 'float32', 1);
    const compare = (f, name) => {
      const [wasm, plain] = ['wasm', 'cpu'].map((backend) => (tf.setBackend(backend), tf.tidy(() => f().dataSync())));
      assert.equal(wasm.length, plain.length, name);
      wasm.forEach((v, i) => assert.ok(Math.abs(v - plain[i]) < 1e-5, name + ': ' + v + ' ' + plain[i]));
    };
    for (const [kh, kw, stride, pad] of [[3, 3, 1, 'same'], [3, 3, 2, 'same'], [1, 1, 1, 'valid'], [4, 4, 2, 'valid'], [3, 2, [1, 2], 'valid']]) {
      const w = tf.randomUniform([kh, kw, 3, 5], -1, 1, 'float32', 2);
      compare(() => tf.grad((w) => tf.conv2d(x, w, stride, pad).square().mean())(w), [kh, kw, stride, pad].join());
    }
    const rows = tf.randomUniform([4, 3], -1, 1, 'float32', 3);
    compare(() => tf.oneHot(tf.tensor1d([2, 0], 'int32'), 3, 0.5, 0.25, 'float32'), 'one-hot');
    compare(() => tf.grad((r) => tf.gather(r, tf.tensor1d([2, 0, 2], 'int32')).square().sum())(rows), 'gather');
    tf.setBackend('wasm');
    const before = tf.memory().numTensors;
    tf.tidy(() => void tf.grad((r) => tf.gather(r, tf.tensor1d([2, 0, 2], 'int32')).square().sum())(rows));
    assert.equal(tf.memory().numTensors, before);`,
    { LGGAN_ENGINE: 'wasm' },
  );
});

test('danfojs works without the native engine, and leaves the engine as it is', () => {
  const code = "const d = require('danfojs-node'); console.log(d.toCSV(new d.DataFrame([[1, 2]])), tf.getBackend())";
  assert.match(inNewProcess(code, { LGGAN_ENGINE: 'wasm' }).stdout, /1,2\s+wasm/);
});

test('the WebAssembly engine leaves uncaught errors to the program', () => {
  inNewProcess("process.exitCode = process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');", {
    LGGAN_ENGINE: 'wasm',
  });
});

test('the engine loads in less than two seconds of processor time', () => {
  // Not of the clock: other test files run at the same time.
  const { stdout } = inNewProcess('const { user, system } = process.cpuUsage(); console.log((user + system) / 1e6)', {});
  assert.ok(Number(stdout) < 2, `${stdout} s`);
});

test('the engine describes itself', { skip: !tf.hasNativeKernels() && 'no native engine' }, () => {
  const info = tf.engineInfo();
  assert.match(info.description, /^TensorFlow \d+\.\d+\.\d+ on (the CPU \(\d+ threads\)|an NVIDIA GPU)$/);
  assert.equal(info.threads, Number(process.env.TF_NUM_INTRAOP_THREADS ?? os.availableParallelism()));
  assert.equal(typeof tf.node?.summaryFileWriter, 'function');
});

test('runKernel executes TensorFlow kernels by name', { skip: !tf.hasNativeKernels() && 'no native engine' }, () => {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const x = tf.tensor4d([1, 2, 3, 4], [1, 1, 1, 4]);
    const [y] = tf.runKernel('DepthToSpace', { T: 'float32', block_size: 2, data_format: 'NHWC' }, [x]);
    assert.deepEqual(y.shape, [1, 2, 2, 1]);
    assert.deepEqual([...y.dataSync()], [1, 2, 3, 4]);

    // Lists of whole numbers, a float and several outputs.
    const [d] = tf.runKernel('LeakyRelu', { T: 'float32', alpha: { float: 0.25 } }, [tf.tensor1d([-4, 4])]);
    assert.deepEqual([...d.dataSync()], [-1, 4]);
    const pool = { T: 'float32', ksize: [1, 2, 2, 1], strides: [1, 2, 2, 1], padding: 'VALID' };
    assert.deepEqual([...tf.runKernel('MaxPool', pool, [y])[0].dataSync()], [4]);
    const [values, vectors] = tf.runKernel(
      'SelfAdjointEigV2',
      { T: 'float32', compute_v: true },
      [
        tf.tensor2d([
          [2, 0],
          [0, 3],
        ]),
      ],
      2,
    );
    assert.deepEqual([...values.dataSync()], [2, 3]);
    assert.deepEqual(vectors.shape, [2, 2]);
    const placeholder = tf.runKernel('RandomUniformInt', { T: 'int32', Tout: 'int32', seed: 1, seed2: 2 }, [
      tf.tensor1d([3], 'int32'),
      tf.scalar(5, 'int32'),
      tf.scalar(6, 'int32'),
    ]);
    assert.deepEqual([...placeholder[0].dataSync()], [5, 5, 5]);
  });
  assert.equal(tf.memory().numTensors, before);
});

test('runKernel passes on what TensorFlow says', { skip: !tf.hasNativeKernels() && 'no native engine' }, () => {
  assert.throws(() => tf.runKernel('NoSuchKernel', {}, []), /NoSuchKernel/);
});

test('runKernel names the operation where there is no native engine', () => {
  const { stdout } = inNewProcess("try { tf.runKernel('DepthToSpace', {}, []) } catch (e) { console.log(e.message) }", { LGGAN_ENGINE: 'wasm' });
  assert.match(stdout, /DepthToSpace needs the native TensorFlow engine/);
});
