/**
 * Where the time of a workload goes: `npm run bench -- --profile KIND`. Every TensorFlow kernel is timed by itself (on the CPU a kernel
 * has finished when its call returns), and counted for the block of the network that asked for it, forward or backward.
 */
import { ClassSpecificGenerator } from '../../src/layers/class_specific';
import { LabelPyramid } from '../../src/layers/neighbourhoods/label_pyramid';
import { ResidualBlock } from '../../src/layers/residual_block';
import { Sau } from '../../src/layers/sau';
import { Spade } from '../../src/layers/spade';
import { SpadeBlock } from '../../src/layers/spade_block';
import { Discriminator } from '../../src/models/discriminator';
import { Encoder } from '../../src/models/lggan/encoder';
import { GlobalBranch } from '../../src/models/lggan/global_branch';
import { LocalBranch } from '../../src/models/lggan/local_branch';
import { Vgg19 } from '../../src/judges/vgg19';
import * as tf from '../../src/engine/tf';
import { Adam } from '../../src/training/adam';
import { DEFAULT_WORKLOAD, build, type Workload } from './workloads';

export interface Slice {
  /** The block: the part of the library that was running. */
  block: string;
  pass: 'forward' | 'backward';
  kernel: string;
  calls: number;
  milliseconds: number;
}

interface TapeNode {
  gradient?: (dys: tf.Tensor[]) => Record<string, () => tf.Tensor>;
}

interface Patched {
  executeSingleOutput(name: string, ...rest: unknown[]): unknown;
  executeMultipleOutputs(name: string, ...rest: unknown[]): unknown;
}

/** A class, one of its methods, and the name of the block that it stands for. */
type Owner = [{ prototype: object }, string, string];

type AnyFunction = (...args: unknown[]) => unknown;

export const OWNERS: Owner[] = [
  [LabelPyramid, 'level', 'label maps'],
  [Encoder, 'features', 'encoder'],
  [GlobalBranch, 'apply', 'global branch, rest'],
  [SpadeBlock, 'apply', 'SPADE blocks, convolutions'],
  [Spade, 'apply', 'SPADE, norm and modulation'],
  [ResidualBlock, 'apply', 'residual blocks'],
  [Sau, 'apply', 'SAU'],
  [ClassSpecificGenerator, 'apply', 'class-specific convolutions'],
  [LocalBranch, 'classScores', 'class scores'],
  [Discriminator, 'forward', 'discriminator'],
  [Vgg19, 'features', 'VGG19'],
  [Adam, 'step', 'Adam'],
];

/** Runs `work` with every kernel timed. */
export function profile(work: () => void, owners: readonly Owner[]): Slice[] {
  const slices = new Map<string, Slice>();
  let block = 'rest';
  let pass: Slice['pass'] = 'forward';
  const undo: (() => void)[] = [];
  const patch = (object: object, name: string, make: (original: AnyFunction) => AnyFunction) => {
    const target = object as Record<string, AnyFunction>;
    const own = Object.prototype.hasOwnProperty.call(object, name);
    const original = target[name];
    target[name] = make(original);
    undo.push(() => (own ? (target[name] = original) : delete target[name]));
  };

  const backend = tf.backend() as unknown as Patched;
  for (const method of ['executeSingleOutput', 'executeMultipleOutputs']) {
    patch(
      backend,
      method,
      (original) =>
        function timed(this: object, ...args: unknown[]) {
          const started = performance.now();
          const result = original.apply(this, args);
          const milliseconds = performance.now() - started;
          const key = `${block}|${pass}|${args[0]}`;
          const slice = slices.get(key) ?? { block, pass, kernel: String(args[0]), calls: 0, milliseconds: 0 };
          slice.calls += 1;
          slice.milliseconds += milliseconds;
          slices.set(key, slice);
          return result;
        },
    );
  }
  // A gradient belongs to the block that recorded it.
  const engine = tf.engine() as unknown as { state: { activeTape?: TapeNode[] } };
  patch(
    engine,
    'addTapeNode',
    (original) =>
      function tagged(this: object, ...args: unknown[]) {
        original.apply(this, args);
        const node = engine.state.activeTape?.[engine.state.activeTape.length - 1];
        const gradient = node?.gradient;
        const recorded = block;
        if (!node || !gradient) return;
        const within = <T>(f: () => T): T => {
          const before = [block, pass] as const;
          [block, pass] = [recorded, 'backward'];
          try {
            return f();
          } finally {
            [block, pass] = before;
          }
        };
        // The gradient of an operation is a function for each of its inputs.
        node.gradient = (dys) => {
          const functions = within(() => gradient(dys));
          return Object.fromEntries(Object.entries(functions).map(([name, f]) => [name, () => within(f)]));
        };
      },
  );
  for (const [owner, method, name] of owners) {
    patch(
      owner.prototype,
      method,
      (original) =>
        function inside(this: object, ...args: unknown[]) {
          const before = block;
          block = name;
          try {
            return original.apply(this, args);
          } finally {
            block = before;
          }
        },
    );
  }
  try {
    work();
  } finally {
    undo.reverse().forEach((f) => f());
  }
  return [...slices.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

/** Milliseconds by key, largest first. */
function totals(slices: Slice[], key: (slice: Slice) => string): [string, { forward: number; backward: number }][] {
  const sums = new Map<string, { forward: number; backward: number }>();
  for (const slice of slices) {
    const sum = sums.get(key(slice)) ?? { forward: 0, backward: 0 };
    sum[slice.pass] += slice.milliseconds;
    sums.set(key(slice), sum);
  }
  return [...sums].sort(([, a], [, b]) => b.forward + b.backward - a.forward - a.backward);
}

async function main(): Promise<void> {
  const kind = process.argv[2] as Workload['kind'];
  // Of a compiled function only the call could be timed.
  const work = await build({ ...DEFAULT_WORKLOAD, kind, eager: true });
  for (let i = 0; i < 2; i++) await work(); // The first run fills memory.
  const started = performance.now();
  const slices = profile(() => void work(), OWNERS);
  const whole = performance.now() - started;
  const kernels = slices.reduce((sum, s) => sum + s.milliseconds, 0);
  console.log(`${kind}: ${whole.toFixed(0)} ms, ${kernels.toFixed(0)} of them in ${slices.reduce((n, s) => n + s.calls, 0)} kernels\n`);
  for (const [title, key] of [
    ['block', (s: Slice) => s.block],
    ['kernel', (s: Slice) => s.kernel],
  ] as const) {
    console.log(`| ${title} | forward, ms | backward, ms |\n| --- | --- | --- |`);
    for (const [name, { forward, backward }] of totals(slices, key).slice(0, 20)) {
      console.log(`| ${name} | ${forward.toFixed(0)} | ${backward.toFixed(0)} |`);
    }
    console.log();
  }
}

if (require.main === module) void main();
