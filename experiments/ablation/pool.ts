import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { UserError } from '../../src/common/errors';
import type { Job } from './run';
import type { Report, Task, WorkerSetup } from './worker';

export interface PoolHooks {
  /** A job has done so many of its steps. */
  onStep?(job: Job, done: number): void;
  /** The own segmenter learns, before the first run. */
  onPrepare?(done: number, total: number): void;
  onMessage?(message: string): void;
  /** Stops all: runs finish their step and are saved. */
  signal?: AbortSignal;
}

/** Own processes, of one thread each: small networks gain little from more, and two side by side nearly double the pace. */
class Worker {
  private readonly child: ChildProcess;
  private settle?: { resolve(stopped: boolean): void; reject(e: Error): void };
  onStep?: (done: number) => void;

  constructor(
    setup: WorkerSetup,
    private readonly hooks: PoolHooks,
  ) {
    const env = { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' };
    this.child = fork(join(__dirname, 'worker.ts'), [JSON.stringify(setup)], { env });
    this.child.on('message', (report: Report) => this.hear(report));
    this.child.on('exit', (code, signal) => this.settle?.reject(new Error(`a process of the ablation ended early (${signal ?? code})`)));
  }

  private hear(report: Report): void {
    if (report.kind === 'step') this.onStep?.(report.done);
    else if (report.kind === 'prepare') this.hooks.onPrepare?.(report.done, report.total);
    else if (report.kind === 'message') this.hooks.onMessage?.(report.text);
    else if (report.kind === 'end') this.settle?.resolve(report.stopped);
    else this.settle?.reject(report.user ? new UserError(report.text) : new Error(report.text));
  }

  /** Whether it was stopped before its end. */
  async run(task: Task): Promise<boolean> {
    try {
      return await new Promise((resolve, reject) => {
        this.settle = { resolve, reject };
        this.child.send(task);
      });
    } finally {
      this.settle = undefined;
    }
  }

  stop(): void {
    if (this.child.connected) this.child.send('stop' satisfies Task);
  }

  /** Nothing is under way by then: no exit of libraries with threads of their own is waited for. */
  end(): void {
    this.child.kill('SIGKILL');
  }
}

/**
 * Does all jobs, `workers` at a time, after what they share has been prepared. Returns whether `signal` cut it short.
 * @throws UserError of the first job that fails; the others are stopped and saved
 */
export async function runPool(setup: WorkerSetup, jobs: readonly Job[], workers: number, hooks: PoolHooks = {}): Promise<boolean> {
  const { signal, onStep } = hooks;
  const make = () => new Worker(setup, hooks);
  const pool = [make()];
  const waiting = [...jobs];
  let cut = false;
  const stop = () => {
    cut = true;
    pool.forEach((w) => w.stop());
  };
  signal?.addEventListener('abort', stop);
  try {
    await pool[0].run('prepare');
    while (pool.length < Math.min(workers, waiting.length) && !cut) pool.push(make());
    const outcomes = await Promise.allSettled(
      pool.map(async (worker) => {
        try {
          while (waiting.length && !cut) {
            const job = waiting.shift()!;
            worker.onStep = (done) => onStep?.(job, done);
            if (await worker.run(job)) return;
          }
        } catch (e) {
          stop();
          throw e;
        }
      }),
    );
    const failed = outcomes.find((o): o is PromiseRejectedResult => o.status === 'rejected');
    if (failed) throw failed.reason;
    return cut;
  } finally {
    signal?.removeEventListener('abort', stop);
    pool.forEach((w) => w.end());
  }
}
