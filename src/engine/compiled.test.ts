import assert from 'node:assert/strict';
import test from 'node:test';
import { UserError } from '../common/errors';
import { anySize, canCompile, compiled, INPUTS, isCompiling } from './compiled';
import * as tf from './tf';

const skip = canCompile() ? false : 'this engine has no compiled functions';
const strict = { onMismatch: 'throw' } as const;
const values = (t: tf.Tensor) => Array.from(t.dataSync());
const refused = (pattern: RegExp) => (e: unknown) => e instanceof UserError && pattern.test(e.message);

/** Calls that TensorFlow gets from JavaScript while `f` runs. */
function calls(f: () => void): number {
  const backend = tf.backend() as unknown as { binding: Record<string, (...a: unknown[]) => unknown> };
  const native = backend.binding;
  let n = 0;
  const counted = (name: string) => ({ value: (...a: unknown[]) => (n++, native[name](...a)) });
  backend.binding = Object.create(native, { executeOp: counted('executeOp'), callFunction: counted('callFunction'), createTensor: counted('createTensor') });
  try {
    f();
  } finally {
    backend.binding = native;
  }
  return n;
}

test('a chain of operations becomes one call, its values to the bit', { skip }, () => {
  tf.tidy(() => {
    const chain = (x: tf.Tensor) => {
      let y = x;
      for (let i = 0; i < 50; i++) y = tf.add(tf.mul(y, 0.9), tf.sin(y));
      return y;
    };
    const f = compiled(chain, strict);
    for (let k = 0; k < 4; k++) {
      const x = tf.tensor1d([k, 0.5, -2]);
      assert.deepEqual(values(f(x)), values(chain(x)));
    }
    const x = tf.tensor1d([7, 8, 9]);
    tf.add(x, 1); // Its numbers are with TensorFlow now.
    assert.equal(
      calls(() => f(x)),
      1,
    );
    assert.equal(f.recordings, 1);
    f.dispose();
  });
});

test('gradients, customGrad and list inputs inside', { skip }, () => {
  tf.tidy(() => {
    const square = tf.customGrad((x, save) => {
      (save as tf.GradSaveFunc)([x as tf.Tensor]);
      return { value: tf.square(x as tf.Tensor), gradFunc: (dy: tf.Tensor, [kept]: tf.Tensor[]) => tf.mul(dy, tf.mul(kept, 20)) };
    });
    const f = compiled((x: tf.Tensor) => {
      const g = tf.grad((y) => tf.sum(tf.mul(square(y), tf.tanh(y))))(x);
      const both = tf.concat([g, x]);
      return { g, both, parts: tf.split(both, 2), sum: tf.addN([x, g, x]), stacked: tf.stack([x, g]) };
    }, strict);
    for (let k = 0; k < 3; k++) {
      const x = tf.tensor1d([0.3 * k, -1]);
      const { g, both, parts, sum, stacked } = f(x);
      // d (x^2 tanh x) with 20 x in place of 2 x.
      const expected = values(x).map((v) => 20 * v * Math.tanh(v) + v * v * (1 - Math.tanh(v) ** 2));
      values(g).forEach((v, i) => assert.ok(Math.abs(v - expected[i]) < 1e-5, `${v} is not ${expected[i]}`)); // Ten times float32's rounding of numbers up to 16.
      assert.deepEqual(values(both), [...values(g), ...values(x)]);
      assert.deepEqual(values(parts[0]), values(g));
      assert.deepEqual(values(stacked), [...values(x), ...values(g)]);
      assert.deepEqual(values(sum), values(tf.addN([x, g, x])));
    }
    f.dispose();
  });
});

test('variables are state: read, assigned, assigned to one another; as arguments, too', { skip }, () => {
  tf.tidy(() => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(10))];
    b.assign(a); // Two variables with one tensor between them.
    a.assign(tf.scalar(3));
    const f = compiled((x: tf.Tensor, v: tf.Variable) => {
      a.assign(tf.add(a, x));
      b.assign(tf.mul(a, b));
      v.assign(tf.clone(b));
      return tf.add(a, b);
    }, strict);
    const [u, w] = [tf.variable(tf.scalar(0)), tf.variable(tf.scalar(0))];
    let [wantedA, wantedB] = [3, 1];
    for (let k = 1; k < 6; k++) {
      const v = k % 2 ? u : w;
      const sum = f(tf.scalar(k), v);
      wantedA += k;
      wantedB *= wantedA;
      assert.deepEqual(
        [a, b, v, sum].map((t) => values(t)[0]),
        [wantedA, wantedB, wantedB, wantedA + wantedB],
      );
    }
    assert.equal(f.recordings, 1);
    a.assign(tf.scalar(100)); // From outside: the next call reads it.
    assert.deepEqual(values(f(tf.scalar(1), u)), [101 + 101 * wantedB]);
    f.dispose();
    tf.dispose([a, b, u, w]);
  });
});

test('the same tensor for two arguments, and a copy of a variable as an argument', { skip }, () => {
  tf.tidy(() => {
    const v = tf.variable(tf.scalar(2));
    const f = compiled((x: tf.Tensor, y: tf.Tensor) => tf.add(tf.mul(x, 10), tf.mul(y, v)), strict);
    const one = tf.scalar(1);
    f(one, one);
    f(one, one);
    assert.deepEqual(values(f(tf.scalar(3), tf.scalar(4))), [38]);
    const g = compiled((x: tf.Tensor) => tf.sub(x, v), strict);
    for (let k = 0; k < 3; k++) assert.deepEqual(values(g(tf.clone(v))), [0]);
    assert.deepEqual(values(g(tf.scalar(7))), [5]);
    assert.equal(f.recordings + g.recordings, 2);
    [f, g].forEach((h) => h.dispose());
    v.dispose();
  });
});

test('another shape, type or plain value records again; too many run eagerly', { skip }, (t) => {
  tf.tidy(() => {
    const f = compiled((x: tf.Tensor, factor: number, options?: { negate: boolean }) => (options?.negate ? tf.neg(x) : tf.mul(x, factor)), {
      ...strict,
      name: 'scaled',
      mostRecordings: 4,
    });
    assert.deepEqual(values(f(tf.tensor1d([1, 2]), 3)), [3, 6]);
    assert.deepEqual(values(f(tf.tensor1d([1, 2, 4]), 3)), [3, 6, 12]);
    assert.deepEqual(values(f(tf.tensor1d([1, 2]), 5)), [5, 10]);
    assert.deepEqual(values(f(tf.tensor1d([1, 2]), 5, { negate: true })), [-1, -2]);
    assert.deepEqual(values(f(tf.tensor1d([3, 4]), 3)), [9, 12]);
    assert.equal(f.recordings, 4);
    const told: string[] = [];
    t.mock.method(console, 'warn', (m: string) => told.push(m));
    assert.deepEqual(values(f(tf.tensor1d([1]), 1)), [1]);
    assert.deepEqual(values(f(tf.tensor1d([1]), 2)), [2]);
    assert.equal(told.length, 1);
    assert.match(told[0], /scaled: it was recorded 4 times/);
    assert.ok(f.eagerBecause);
    f.dispose();
  });
});

test("reading a value inside is refused by the kernel's name; of constants it is not", { skip }, () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1, 2]);
    const v = tf.variable(tf.scalar(1));
    const reads = (f: (x: tf.Tensor) => tf.Tensor, pattern: RegExp) => assert.throws(() => compiled(f, { name: 'reader' })(x), refused(pattern));
    reads((y) => tf.mul(y, tf.exp(y).dataSync()[0]), /reader: JavaScript reads the value of a result of Exp/);
    reads((y) => ((tf.sum(y).arraySync() as number) > 2 ? y : tf.neg(y)), /result of Sum/);
    reads((y) => tf.mul(y, y.dataSync()[0]), /tensor that comes from outside/);
    reads((y) => tf.mul(y, v.dataSync()[0]), /tensor that comes from outside/);
    const outside = tf.tensor1d([5]); // Not yet with TensorFlow.
    reads((y) => tf.mul(y, outside.dataSync()[0]), /tensor that comes from outside/);
    reads((y) => tf.gather(y, tf.cast(y, 'int32')), /result of Cast/);
    const f = compiled((y: tf.Tensor) => tf.mul(tf.gather(y, tf.tensor1d([1, 0], 'int32')), tf.add(tf.scalar(1), 1).dataSync()[0]), strict);
    for (let k = 0; k < 3; k++) assert.deepEqual(values(f(tf.tensor1d([k, 5]))), [10, 2 * k]);
    assert.equal(isCompiling(), false);
    assert.deepEqual(values(tf.add(x, 1)), [2, 3]); // The engine is as it was after all these errors.
    f.dispose();
    v.dispose();
  });
});

test('random numbers: refused where JavaScript draws them, drawn by a seed that is a tensor', { skip }, () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1, 2]);
    assert.throws(() => compiled((y: tf.Tensor) => tf.add(y, tf.randomNormal([2])))(x), refused(/draws random numbers in JavaScript/));
    const attributes = { T: 'int32', dtype: 'float32' };
    const stateful = (y: tf.Tensor) => tf.add(y, tf.runKernel('RandomStandardNormal', { ...attributes, seed: 1, seed2: 2 }, [tf.tensor1d([2], 'int32')])[0]);
    assert.throws(() => compiled(stateful)(x), refused(/RandomStandardNormal.*Stateless form/));
    const f = compiled(
      (seed: tf.Tensor) => tf.runKernel('StatelessRandomNormal', { ...attributes, Tseed: 'int32' }, [tf.tensor1d([3], 'int32'), seed])[0],
      strict,
    );
    const draw = (n: number) => values(f(tf.tensor1d([n, 1], 'int32')));
    const first = [1, 2, 3].map(draw);
    assert.deepEqual([1, 2, 3].map(draw), first);
    assert.notDeepEqual(first[0], first[1]);
    f.dispose();
  });
});

test('what depends on more than its arguments is found at the second call', { skip }, (t) => {
  tf.tidy(() => {
    let factor = 1;
    const scaled = (x: tf.Tensor) => tf.mul(x, factor++);
    const f = compiled(scaled, strict);
    f(tf.scalar(2));
    assert.throws(() => f(tf.scalar(2)), refused(/scaled: .*the result differs by up to 2\.00/));
    factor = 1;
    const told: string[] = [];
    t.mock.method(console, 'warn', (m: string) => told.push(m));
    const g = compiled(scaled);
    assert.deepEqual(
      [1, 2, 3].map(() => values(g(tf.scalar(2)))[0]),
      [2, 4, 6],
    );
    assert.equal(told.length, 1);
    assert.match(told[0], /runs eagerly/);
    // Of large tensors the last bit of one number counts, too.
    let odd = 0;
    const large = compiled(() => tf.concat([tf.fill([99_999], 0.1), tf.tensor1d([1 + 2 ** -23 * odd++])]), { ...strict, name: 'large' });
    large();
    assert.throws(() => large(), refused(/large: .*the result has other bits/));
    large.dispose();
    [f, g].forEach((h) => h.dispose());
  });
});

test('refused: kept tensors, new variables, results that are no tensors, arguments of a class', { skip }, () => {
  tf.tidy(() => {
    const x = tf.scalar(1);
    let kept: tf.Tensor | undefined;
    assert.throws(() => compiled((y: tf.Tensor) => tf.add((kept = tf.keep(tf.neg(y))), 1))(x), refused(/kept/));
    kept?.dispose();
    let made: tf.Variable | undefined;
    assert.throws(() => compiled((y: tf.Tensor) => tf.add((made = tf.variable(tf.neg(y))), 1))(x), refused(/makes a variable/));
    made?.dispose();
    assert.throws(() => compiled(() => 5 as unknown as tf.Tensor)(), refused(/the result is of type number/));
    assert.throws(() => compiled((d: Date) => tf.scalar(d.getTime()))(new Date()), refused(/argument 1 is a Date/));
  });
});

test('an error inside names its operation; a tensor from outside that is gone is told', { skip }, () => {
  tf.tidy(() => {
    // A size that the marked axis must not be handed on as: the reshape was recorded for 4 numbers.
    const f = compiled((x: tf.Tensor1D) => tf.reshape(x, [2, x.shape[0] / 2]), { name: 'halves' });
    f(anySize(tf.range(0, 4), 0));
    assert.throws(() => f(anySize(tf.range(0, 6), 0)), /halves: the operation Reshape \(number \d+\) failed/);
    const outside = tf.tensor1d([1, 2]);
    const g = compiled((x: tf.Tensor) => tf.add(x, outside), { name: 'adds' });
    g(tf.scalar(1));
    outside.dispose();
    assert.throws(() => g(tf.scalar(1)), refused(/adds: it reads a tensor \[2\] from outside of it, which was disposed of/));
    [f, g].forEach((h) => h.dispose());
  });
});

test('open sizes: one recording where the kernels take them from tensors', { skip }, () => {
  tf.tidy(() => {
    const rows = { T: 'float32', Tshape: 'int32' };
    const f = compiled((x: tf.Tensor1D) => tf.sum(tf.runKernel('Reshape', rows, [x, tf.tensor1d([-1, 2], 'int32')])[0], 0), strict);
    for (const n of [4, 6, 2, 8]) assert.deepEqual(values(f(anySize(tf.range(0, n), 0))), values(tf.sum(tf.reshape(tf.range(0, n), [-1, 2]), 0)));
    assert.equal(f.recordings, 1);
    f.dispose();
  });
});

test('objects with tensors inside', { skip }, () => {
  tf.tidy(() => {
    class Pair {
      constructor(
        readonly a: tf.Tensor,
        readonly b: tf.Tensor,
        readonly sign: number,
      ) {}
      [INPUTS]() {
        return { tensors: [this.a, this.b], key: `pair ${this.sign}` };
      }
    }
    const f = compiled(
      ({ a, b, sign }: Pair, more: { x: tf.Tensor; list: tf.Tensor[] }) => tf.addN([tf.add(a, tf.mul(b, sign)), more.x, ...more.list]),
      strict,
    );
    for (const sign of [1, -1]) {
      for (let k = 0; k < 3; k++) {
        const sum = f(new Pair(tf.scalar(k), tf.scalar(2), sign), { x: tf.scalar(10), list: [tf.scalar(100), tf.scalar(1000)] });
        assert.deepEqual(values(sum), [k + 2 * sign + 1110]);
      }
    }
    assert.equal(f.recordings, 2);
    f.dispose();
  });
});

test('inside of a gradient and inside of another compiled function it is a plain function', { skip }, () => {
  tf.tidy(() => {
    const square = compiled((x: tf.Tensor) => tf.mul(x, x), strict);
    for (let k = 0; k < 3; k++) square(tf.scalar(k));
    assert.deepEqual(values(tf.grad((x) => square(x))(tf.scalar(3))), [6]);
    const outer = compiled((x: tf.Tensor) => tf.add(square(x), 1), strict);
    for (let k = 0; k < 3; k++) assert.deepEqual(values(outer(tf.scalar(k))), [k * k + 1]);
    [square, outer].forEach((h) => h.dispose());
  });
});

test('memory: nothing left behind by 1000 calls; results belong to the enclosing tidy', { skip }, () => {
  const v = tf.variable(tf.zeros([1000]));
  const x = tf.ones([1000]);
  const f = compiled((y: tf.Tensor) => {
    const z = tf.tanh(tf.add(y, v));
    v.assign(tf.mul(z, 0.5));
    return [z, tf.sum(z)];
  }, strict);
  for (let k = 0; k < 3; k++) tf.tidy(() => void f(x));
  const { binding } = tf.backend() as unknown as { binding: { getNumOfTensors(): number } };
  const before = { js: tf.memory().numTensors, native: binding.getNumOfTensors() };
  for (let k = 0; k < 1000; k++) tf.tidy(() => void f(x));
  assert.deepEqual({ js: tf.memory().numTensors, native: binding.getNumOfTensors() }, before);
  f.dispose();
  tf.dispose([v, x]);
});

test('an engine without it runs the function as it is', () => {
  const before = process.env.LGGAN_COMPILED;
  process.env.LGGAN_COMPILED = '0';
  try {
    const f = compiled((x: tf.Tensor) => tf.mul(x, x.dataSync()[0]));
    tf.tidy(() => assert.deepEqual(values(f(tf.tensor1d([2, 3]))), [4, 6]));
    assert.equal(f.recordings, 0);
    assert.ok(f.eagerBecause);
  } finally {
    if (before === undefined) delete process.env.LGGAN_COMPILED;
    else process.env.LGGAN_COMPILED = before;
  }
});
