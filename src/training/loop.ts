/** The loop of a training run, the same for every network: resuming, steps, faults, judging, checkpoints, interruption. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Json } from '../checkpoints/checkpoint';
import { UserError } from '../common/errors';
import { withFolderLock } from '../common/lock';
import type { Source } from '../data/sequence';
import { cluster, isFirst } from '../engine/cluster';
import { MOST_ROLLBACKS, MOST_SKIPPED, StepFault, type FaultPolicy } from './guards';
import { History } from './history';

/** A row of the history: the step and every number of it. */
export type Row = { step: number } & Record<string, number>;

/** What whoever watches a run can be told. All optional. */
export interface LoopHooks {
  /** After each step: its row of the history, and how far the run is. */
  onStep?(row: Row, done: number, total: number): void | Promise<void>;
  /** A sentence for the user: a checkpoint passed over, a step skipped, ... */
  onMessage?(message: string): void;
  /** Stops the run after the current step; its checkpoint is saved. */
  signal?: AbortSignal;
}

/** What the loop wants of whoever takes the steps. */
interface Saving {
  readonly config: Pick<Run<never, Json>, 'output' | 'checkpointEvery' | 'onFault'>;
  load(name: 'latest', onMessage?: (message: string) => void): Promise<Record<string, Json> | undefined>;
  save(name: 'latest' | 'best', state: Record<string, Json>): Promise<void>;
}

/** Where a trainer's run lies, and how it is saved and taken up. */
export function savingOf(trainer: Saving): Pick<Run<never, Json>, 'output' | 'checkpointEvery' | 'onFault' | 'load' | 'save'> {
  const { output, checkpointEvery, onFault } = trainer.config;
  return { output, checkpointEvery, onFault, load: (onMessage) => trainer.load('latest', onMessage), save: (name, state) => trainer.save(name, state) };
}

/** A run, as the loop sees it. `Best` says how good its best checkpoint is, in JSON. */
export interface Run<B, Best extends Json> {
  /** Where the history goes, and checkpoints by `save`. */
  output: string;
  batches: Source<B>;
  /** Steps in all, and those that count as an epoch. */
  total: number;
  stepsPerEpoch: number;
  checkpointEvery: number;
  onFault: FaultPolicy;
  /** Takes up a saved state; undefined where there is none. */
  load(onMessage?: (message: string) => void): Promise<Record<string, Json> | undefined>;
  save(name: 'latest' | 'best', state: Record<string, Json>): Promise<void>;
  /** What else has to be the same for all workers, by names in words. */
  same?: Readonly<Record<string, string>>;
  /** Refuses to go on at this step, by a UserError. */
  check?(step: number): void;
  /** One step, in an epoch from 1: its losses. @throws StepFault where it was not taken; then it has left no trace */
  step(batch: B, epoch: number): Record<string, number>;
  /** Columns of a row that stand before those of the step. */
  columns?(epoch: number): Record<string, number>;
  /** More columns of a row, such as those of a validation. */
  measure?(step: number): Promise<Record<string, number> | undefined>;
  /** After a step and its row: samples, evaluation. What it returns is better than all before: the network is saved as `best` with it. */
  after?(row: Row, best: Best | null): Promise<Best | undefined>;
  /** Whether the losses of the last steps look like the end of it, in words. */
  warning?(history: History): string | undefined;
}

export interface LoopResult<Best> {
  history: History;
  best: Best | null;
  /** Steps done, and those that were done before. */
  step: number;
  before: number;
  interrupted: boolean;
}

/** `work` while the lock of a run's folder is held; of several workers the first holds it, since it alone writes. */
export const withRunLock = <T>(folder: string, work: () => Promise<T>): Promise<T> => (isFirst() ? withFolderLock(folder, work) : work());

/**
 * Goes on with the run that `output` holds, or begins it, until its last step or the signal. Of several workers the first reads, measures and
 * writes; losses and gradients are the same for all, so that all skip, go back and end at the same step.
 * @throws UserError where it cannot recover from a fault
 */
export async function runSteps<B, Best extends Json>(run: Run<B, Best>, hooks: LoopHooks = {}): Promise<LoopResult<Best>> {
  const { output, batches, total } = run;
  const [group, first] = [cluster(), isFirst()];
  const isAborted = () => {
    const own = hooks.signal?.aborted ?? false;
    return group?.any(own) ?? own;
  };
  group?.refuseDifferences({ 'data set or batch size': JSON.stringify(batches.state()), 'number of steps': String(total), ...run.same });
  const historyFile = join(output, 'history.csv');
  let [step, best, history] = [0, null as Best | null, new History()];
  const takeUp = async () => {
    const saved = await run.load(hooks.onMessage);
    if (!saved) return undefined;
    step = saved.step as number;
    best = (saved.best as Best | null | undefined) ?? null;
    history = first ? await History.load(historyFile, { upTo: step }) : new History();
    return saved;
  };
  const save = async (name: 'latest' | 'best') => {
    if (!first) return;
    await history.save(historyFile);
    await run.save(name, { step, best, batches: batches.state() });
  };

  const saved = await takeUp();
  // A table of somebody's own is not written over: it is refused as no history.
  if (!saved && first) await History.load(historyFile);
  const before = step;
  run.check?.(step);
  if (first) await mkdir(output, { recursive: true });
  if (saved) batches.restore(saved.batches);

  let [skipped, rollbacks, diverging] = [0, 0, false];
  /** A step that was not taken: the columns of its row, or undefined where the run is as its latest checkpoint has it. */
  const recover = async (fault: StepFault): Promise<Record<string, number> | undefined> => {
    const sentence = `Step ${step + 1}: ${fault.message}`;
    // The batches go on where they are: the same ones would lead to the same step.
    if (run.onFault === 'rollback' && rollbacks++ < MOST_ROLLBACKS && (await takeUp())) {
      hooks.onMessage?.(`${sentence}; back to step ${step}.`);
      return undefined;
    }
    if (run.onFault !== 'skip' || skipped++ >= MOST_SKIPPED) {
      throw new UserError(`${sentence}; lower the learning rate and go on from ${output}.`);
    }
    hooks.onMessage?.(`${sentence}; it was skipped.`);
    return { ...Object.fromEntries(Object.keys(fault.losses).map((name) => [name, NaN])), skipped: 1 };
  };

  let interrupted = isAborted();
  while (step < total && !interrupted) {
    const epoch = Math.floor(step / run.stepsPerEpoch) + 1;
    const started = performance.now();
    const batch = await batches.next();
    let losses: Record<string, number> | undefined;
    try {
      losses = run.step(batch, epoch);
      skipped = 0;
    } catch (e) {
      if (!(e instanceof StepFault)) throw e;
      losses = await recover(e);
      if (!losses) continue;
    }
    step += 1;
    const seconds = (performance.now() - started) / 1000;
    const warning = run.warning?.(history);
    if (warning && !diverging) hooks.onMessage?.(`Step ${step}: ${warning}.`);
    diverging = warning !== undefined;
    const row: Row = { step, epoch, ...run.columns?.(epoch), ...losses, ...(warning && { diverging: 1 }), seconds };
    let better: Best | undefined;
    try {
      try {
        if (first) Object.assign(row, await run.measure?.(step));
      } finally {
        history.append(row);
      }
      await hooks.onStep?.(row, step, total);
      if (first) better = await run.after?.(row, best);
    } catch (e) {
      // A sample that cannot be written, a validation that fails: the steps since the last checkpoint are not lost with it.
      await save('latest').catch(() => undefined);
      throw e;
    }
    if (better !== undefined) {
      best = better;
      await save('best');
    }
    // Signals are heard only in between: batches from memory never give the event loop a turn.
    await setImmediate();
    interrupted = isAborted();
    if (step % run.checkpointEvery === 0 || step === total || interrupted) {
      await save('latest');
      rollbacks = 0;
    }
  }
  return { history, best, step, before, interrupted };
}
