/** Times and peak memory of the networks, each workload in a process of its own, alternating with a peer's where one is given. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from '../../src/common/errors';
import { threadsFor } from '../../src/engine/places';
import * as tf from '../../src/engine/tf';
import { TYPESCRIPT } from '../testing/command';
import { ROOT } from '../testing/material';
import { DEFAULT_WORKLOAD, labelMaps, type BenchRow, type Cost, type Workload } from './workloads';

/** A workload that `npm run bench` measures. */
export interface Case {
  name: string;
  workload: Workload;
  /** Whether the peer can do it. */
  peer: boolean;
  /** The case whose time and memory this one is compared with. */
  against?: string;
}

const made = (name: string, changes: Partial<Workload>, peer = false, against?: string): Case => ({
  name,
  workload: { ...DEFAULT_WORKLOAD, ...changes },
  peer,
  against,
});

/** The size at which a processor or a notebook trains. */
const SMALL = { small: true, size: [96, 128], batch: 4 } satisfies Partial<Workload>;

export const CASES: readonly Case[] = [
  made('step-small', { kind: 'step', ...SMALL }, true),
  made('step-small-no-vgg', { kind: 'step', ...SMALL, vgg: false }, true),
  made('step-small, eager', { kind: 'step', ...SMALL, eager: true }, false, 'step-small'),
  made('step-small-no-vgg, eager', { kind: 'step', ...SMALL, vgg: false, eager: true }, false, 'step-small-no-vgg'),
  made('forward-small', { ...SMALL, batch: 1 }),
  made('forward-small, eager', { ...SMALL, batch: 1, eager: true }, false, 'forward-small'),
  made('forward', {}, true),
  made('backward', { kind: 'backward' }, true),
  made('step', { kind: 'step' }, true),
  made('step, batch 2', { kind: 'step', batch: 2 }),
  made('step, 384x512', { kind: 'step', size: [384, 512] }),
  made('forward, 150 classes', { classes: 150 }, false, 'forward'),
  made('forward, noise, dense', { labels: 'noise', dense: true }),
  made('forward, noise', { labels: 'noise' }, false, 'forward, noise, dense'),
  made('RCAN', { kind: 'rcan' }, true),
  made('reading a batch of 2', { kind: 'data', batch: 2 }, false, 'step, batch 2'),
];

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
};

/** A process that answers lines. */
class Worker {
  private readonly lines: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly what: string,
  ) {
    this.lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  static async start(command: string, args: string[], what: string, own: NodeJS.ProcessEnv = {}): Promise<Worker> {
    // The peer runs as it would by itself.
    const { GLIBC_TUNABLES, ...plain } = process.env;
    const env = { ...(command === process.execPath ? process.env : plain), ...own };
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.on('error', () => undefined); // Its output ends, which is reported below.
    const worker = new Worker(child, what);
    const first = await worker.line();
    if (first !== 'ready') throw new UserError(`${what}: expected "ready", got "${first}".`);
    return worker;
  }

  async ask(question: 'run' | 'memory'): Promise<number> {
    this.child.stdin!.write(`${question}\n`);
    return Number(await this.line());
  }

  stop(): void {
    this.child.kill();
  }

  private async line(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done) throw new UserError(`${this.what} ended before it answered; its own message stands above.`);
    return value;
  }
}

/** PyTorch's step of the small network: a script that prints the median of its steps, one process for each run. */
class SmallPeer {
  private memory = 0;

  constructor(
    private readonly script: string,
    private readonly python: string,
    private readonly workload: Workload,
  ) {}

  async ask(question: 'run' | 'memory'): Promise<number> {
    if (question === 'memory') return this.memory;
    const args = [
      this.script,
      '--steps',
      '6',
      '--threads',
      String(tf.engineInfo().threads),
      '--batch',
      String(this.workload.batch),
      ...(this.workload.vgg ? [] : ['--no-vgg']),
    ];
    const { stdout, stderr } = spawnSync(this.python, args, { encoding: 'utf8' });
    const match = /step ([\d.]+) s .*?([\d.]+) GB/.exec(stdout);
    if (!match) throw new UserError(`${this.python} ${this.script} printed no time (PyTorch has to be installed there): ${stderr.trim().split('\n').pop()}`);
    this.memory = Math.max(this.memory, Number(match[2]));
    return Number(match[1]);
  }

  stop(): void {
    // Each run is over when it has answered.
  }
}

/** A compiled step has the threads that `npm run train` gives it (cli/share.ts). */
function worker(workload: Workload, what: string) {
  const { kind, small, ngf, eager, batch, size } = workload;
  const threads = kind === 'step' && !eager ? threadsFor(small ? 16 : ngf, batch * size[0] * size[1], tf.engineInfo().threads) : undefined;
  const args = [...TYPESCRIPT, join(__dirname, 'worker.ts'), JSON.stringify(workload)];
  return Worker.start(process.execPath, args, what, threads ? { TF_NUM_INTRAOP_THREADS: String(threads) } : {});
}

async function peerWorker(script: string, python: string, workload: Workload): Promise<Worker> {
  const folder = mkdtempSync(join(tmpdir(), 'lggan-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const labels = join(folder, 'labels');
  if (workload.kind !== 'rcan') writeFileSync(labels, Buffer.concat((await labelMaps(workload)).map((m) => m.data)));
  const args = [join(__dirname, 'peer.py'), resolve(script), JSON.stringify(workload), labels, String(tf.engineInfo().threads)];
  return Worker.start(python, args, `${python} proof/bench/peer.py (PyTorch has to be installed there)`);
}

/** A compiled function is recorded, compared, and compared once more for other sizes, before it runs as it will. */
const WARM_UP = 3;

/** Both warm up, then take turns, so that what else the machine does weighs on both. */
export async function measure(
  { name, workload, peer }: Case,
  runs: number,
  script: string | undefined,
  smallScript: string | undefined,
  python: string,
): Promise<BenchRow> {
  const workers: { ask(question: 'run' | 'memory'): Promise<number>; stop(): void }[] = [await worker(workload, name)];
  try {
    for (let i = 0; i < WARM_UP; i++) await workers[0].ask('run');
    if (peer && workload.small && smallScript) workers.push(new SmallPeer(smallScript, python, workload));
    if (peer && !workload.small && script) workers.push(await peerWorker(script, python, workload));
    const seconds: number[][] = workers.map(() => []);
    for (let i = 0; i <= runs; i++) {
      for (const [w, one] of workers.entries()) {
        const took = await one.ask('run');
        if (i > 0) seconds[w].push(took);
      }
    }
    const measured = await Promise.all(workers.map(async (one, w) => ({ seconds: seconds[w], memory: await one.ask('memory') })));
    return { name, ours: measured[0], peer: measured[1] };
  } finally {
    workers.forEach((one) => one.stop());
  }
}

const spread = ({ seconds }: Cost) => `${median(seconds).toFixed(2)} (${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)})`;

/** The rows as a Markdown table. */
export function table(rows: BenchRow[]): string {
  const lines = rows.map((row) => {
    const base = rows.find((r) => r.name === row.against);
    const compared = row.peer ?? base?.ours;
    const ratio = compared ? median(compared.seconds) / median(row.ours.seconds) : undefined;
    const note = row.peer
      ? `${ratio!.toFixed(2)} times as fast`
      : base
        ? `${(1 / ratio!).toFixed(2)} times the time of "${base.name}", ${(row.ours.memory / base.ours.memory).toFixed(2)} times the memory`
        : '';
    const peer = row.peer ? [spread(row.peer), row.peer.memory.toFixed(2)] : ['', ''];
    return `| ${[row.name, spread(row.ours), row.ours.memory.toFixed(2), ...peer, note].join(' | ')} |`;
  });
  return ['| what | seconds | GB | peer, seconds | peer, GB | |', '| --- | --- | --- | --- | --- | --- |', ...lines].join('\n');
}
