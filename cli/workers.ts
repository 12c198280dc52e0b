/** Several processes that train together: started here (`--workers`), or joined as the options, TF_CONFIG or Slurm say. */
import { FOUND, machine } from './share';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { UserError } from '../src/common/errors';
import { splitEvenly } from '../src/data/sequence';
import { Cluster, freePorts, type Place } from '../src/engine/cluster';
import { placeOf, shareOf } from '../src/engine/places';
import { runCommand } from './arguments';

const WORKER_OPTIONS = {
  workers: {
    type: 'integer',
    min: 1,
    default: 1,
    help: 'processes on this machine that train together, each on its share of every batch, with a GPU or its part of the cores',
  },
  cluster: {
    type: 'string',
    value: 'HOST:PORT,...',
    help: 'all processes that train together, on any machines of a private network, the same list for each; TF_CONFIG and Slurm (srun) are understood, too',
  },
  rank: { type: 'integer', min: 0, help: 'which of --cluster this process is, from 0, the one that writes' },
} as const;

/** Options that may differ from worker to worker: what lies where. */
const OWN = /_path$|^(workers|cluster|rank|mapping|start|start_discriminator|sample_labels|vgg)$/;

type Given = { workers: number; cluster?: string; rank?: number; batch_size: number; local_norm?: boolean };

/** `runCommand` of a command that several workers can run together, each of them its `main`. */
export const runWithWorkers: typeof runCommand = (spec, main, argv) =>
  runCommand({ ...spec, options: { ...spec.options, ...WORKER_OPTIONS } }, (args) => asWorker(args as unknown as Given, async () => main(args)), argv);

async function asWorker(args: Given, main: () => Promise<void>): Promise<void> {
  const { workers, batch_size: batchSize } = args;
  if (workers > 1 && (args.cluster ?? args.rank) !== undefined) throw new UserError('--workers: this starts all of them; leave out --cluster and --rank.');
  const place = workers > 1 ? { addresses: (await freePorts(workers)).map((port) => `127.0.0.1:${port}`), rank: 0 } : placeOf(args, FOUND);
  if (!place) return main();
  splitEvenly(batchSize, place.addresses.length);
  const others = workers > 1 ? startOthers(place) : undefined;
  endWithParent();
  let group: Cluster | undefined;
  try {
    const options = Object.entries(args).filter(([name]) => !OWN.test(name));
    const same = { project: sources(), options: JSON.stringify(options) };
    group = await Cluster.join(place, { same, sharedNorm: !args.local_norm, onMessage: (message) => console.error(message) });
    await main();
    group.leave();
  } catch (e) {
    const explained = group?.explain(e) ?? e;
    await others?.say(explained);
    throw explained;
  }
}

/** The processes of all workers but the first, which this one is. They end with it. */
function startOthers({ addresses }: Place) {
  const found = machine();
  // As --cluster and --rank would have it, but for the number.
  const args = process.argv.slice(2).filter((arg, i, all) => !/^--workers(=|$)/.test(arg) && all[i - 1] !== '--workers');
  const said = new Map<number, string>();
  const children = addresses.slice(1).map((_, i) => {
    const rank = i + 1;
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1], ...args, '--cluster', addresses.join(), '--rank', String(rank)], {
      env: { ...FOUND, ...shareOf(rank, addresses.length, found, FOUND) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => said.set(rank, (said.get(rank) ?? '') + text));
    return child;
  });
  process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));
  // They do not keep this process.
  for (const child of children) {
    child.unref();
    child.channel?.unref();
    (child.stderr as unknown as { unref(): void }).unref();
  }
  return {
    /** What they ended with, where it is more than what ended the first. */
    async say(error: unknown) {
      await setTimeout(500);
      const own = error instanceof Error ? error.message : '';
      for (const [rank, text] of said) {
        if (!own.includes(text.trim()) && !text.includes('has ended or cannot be reached')) process.stderr.write(`Worker ${rank}: ${text.trimEnd()}\n`);
      }
    },
  };
}

/** One that --workers started ends when the one that started it does; where it waits for the others, they are found to be gone. */
function endWithParent(): void {
  if (!process.connected) return;
  process.once('disconnect', () => process.exit(1));
  process.channel?.unref();
}

/** The code that trains, as a hash: all workers have to run the same. */
function sources(): string {
  const folder = join(__dirname, '..', 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).sort(); // prettier-ignore
  const hash = createHash('sha256');
  for (const name of files) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}
