/** A process that trains and measures runs of an ablation, one after the other, as the parent (`pool.ts`) names them. */
import { mkdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../src/common/atomic';
import { UserError } from '../../src/common/errors';
import { AblationJudges, prepareSegmenter } from './measure';
import { runJob, type Job } from './run';
import type { AblationSettings } from './settings';
import type { References } from './summary';

/** What a worker is started with, as JSON. */
export interface WorkerSetup {
  settings: AblationSettings;
  output: string;
  /** Where the judges' networks lie. */
  judges: string;
}

/** `prepare` is the first job of the first worker: what all runs share. */
export type Task = 'prepare' | Job | 'stop';

export type Report =
  | { kind: 'step'; done: number }
  /** Of the own segmenter, before the first run. */
  | { kind: 'prepare'; done: number; total: number }
  | { kind: 'message'; text: string }
  /** The job is done, or was stopped. */
  | { kind: 'end'; stopped: boolean }
  | { kind: 'fault'; text: string; user: boolean };

export const referencesFile = (output: string) => join(output, 'references.json');

async function main({ settings, output, judges: folder }: WorkerSetup): Promise<void> {
  const stop = new AbortController();
  let judges: AblationJudges | undefined;
  const say = (report: Report) => void process.send?.(report);
  // A terminal tells every process of Ctrl-C; the parent says what it means, and its end is the end of this one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

  const work = async (task: Exclude<Task, 'stop'>): Promise<boolean> => {
    if (task === 'prepare') {
      await mkdir(output, { recursive: true });
      await prepareSegmenter(settings, output, folder, (done, total) => say({ kind: 'prepare', done, total }));
    }
    judges ??= await AblationJudges.load(settings, output, folder);
    if (task !== 'prepare') {
      const hooks = { signal: stop.signal, onStep: (done: number) => say({ kind: 'step', done }), onMessage: (text: string) => say({ kind: 'message', text }) };
      return (await runJob(settings, output, task, judges, hooks)) !== undefined;
    }
    const references: References & { missing: readonly string[] } = {
      photographs: await judges.ofPhotographs(),
      meanColours: await judges.ofMeanColours(settings),
      missing: judges.missing,
    };
    await writeFileAtomically(referencesFile(output), `${JSON.stringify(references, undefined, 1)}\n`);
    return true;
  };
  process.on('message', (task: Task) => {
    if (task === 'stop') return stop.abort();
    work(task).then(
      (finished) => say({ kind: 'end', stopped: !finished }),
      (e: unknown) =>
        say({
          kind: 'fault',
          text: e instanceof UserError ? e.message : e instanceof Error ? (e.stack ?? e.message) : String(e),
          user: e instanceof UserError,
        }),
    );
  });
}

/** @throws UserError that names a damaged file */
export async function readReferences(output: string): Promise<References & { missing: readonly string[] }> {
  const file = referencesFile(output);
  if (!existsSync(file)) throw new UserError(`${file} is not there; run the ablation first.`);
  return JSON.parse(await readFile(file, 'utf8')) as References & { missing: readonly string[] };
}

if (require.main === module) void main(JSON.parse(process.argv[2]) as WorkerSetup);
