/**
 * One process of the fuzzer: `worker.ts SEED FROM TO FOLDER`. It says which case it begins, so that whoever started it knows where it hangs
 * or ends, and what it finds. Each line of its output is a JSON object.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../../src/common/random';
import { UserError } from '../../../src/common/errors';
import * as tf from '../../../src/engine/tf';
import { ALLOCATION_LIMIT } from './fuzz';
import { makeTargets, type Target } from './targets';

const [seed, from, to] = process.argv.slice(2, 5).map(Number);
const folder = process.argv[5];
const say = (message: object) => void writeSync(1, `${JSON.stringify(message)}\n`);

// Memory that is asked for and never touched does not show in the process's size.
let largest = 0;
for (const name of ['alloc', 'allocUnsafe'] as const) {
  const original = Buffer[name] as (size: number, ...rest: unknown[]) => Buffer;
  (Buffer as unknown as Record<string, unknown>)[name] = (size: number, ...rest: unknown[]) => {
    largest = Math.max(largest, size);
    return original(size, ...rest);
  };
}
for (const name of ['ArrayBuffer', 'Uint8Array', 'Uint16Array', 'Int16Array', 'Float32Array', 'Float64Array'] as const) {
  const original = globalThis[name] as unknown as { new (...args: unknown[]): object; prototype: object; BYTES_PER_ELEMENT?: number };
  const watched = new Proxy(original, {
    construct(target, args, newTarget) {
      if (typeof args[0] === 'number') largest = Math.max(largest, args[0] * (original.BYTES_PER_ELEMENT ?? 1));
      return Reflect.construct(target, args, newTarget) as object;
    },
  });
  Object.defineProperty(original.prototype, 'constructor', { value: watched, writable: true, configurable: true });
  (globalThis as Record<string, unknown>)[name] = watched;
}

function choose(targets: readonly Target[], random: Random): Target {
  let at = random.randrange(targets.reduce((sum, t) => sum + t.weight, 0));
  return targets.find((t) => (at -= t.weight) < 0)!;
}

void (async () => {
  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  const targets = await makeTargets(work);
  let peak = process.resourceUsage().maxRSS * 1024;
  for (let n = from; n < to; n++) {
    const random = new Random([seed, n]);
    const target = choose(targets, random);
    const bytes = target.make(random);
    const file = join(work, `case ${n}.bin`);
    writeFileSync(file, bytes);
    say({ begin: n, target: target.name });
    largest = 0;
    const started = performance.now();
    let fault: string | undefined;
    let outcome = 'read';
    try {
      await target.read(file);
    } catch (e) {
      outcome = 'refused';
      const message = e instanceof UserError ? e.message : '';
      if (!message) fault = `not a sentence for the user: ${e instanceof Error ? e.stack : String(e)}`;
      else if (/\n/.test(message) || message.length > 1500) fault = `not one sentence: ${message.slice(0, 300)}...`;
      else if (!/\.(bin|json|safetensors)|set|run/.test(message)) fault = `names no file: ${message}`;
    }
    const seconds = (performance.now() - started) / 1000;
    const now = process.resourceUsage().maxRSS * 1024;
    if (largest > ALLOCATION_LIMIT) fault ??= `asked for ${largest} bytes at once`;
    if (now - peak > ALLOCATION_LIMIT) fault ??= `grew by ${now - peak} bytes`;
    peak = Math.max(peak, now);
    const strangers = readdirSync(folder).filter((name) => name !== 'work');
    if (strangers.length) fault ??= `wrote outside its folder: ${strangers.join(', ')}`;
    say({ end: n, outcome, seconds, largest, ...(fault && { fault }) });
    rmSync(file, { force: true });
    tf.disposeVariables();
  }
  rmSync(work, { recursive: true, force: true });
})();
