/**
 * Which processes train together, and what each may use of its machine: by a command's options, TF_CONFIG or Slurm. It loads no TensorFlow,
 * which reads its share of the machine when it is loaded.
 */
import { UserError } from '../common/errors';
import type { Place } from './cluster';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PlaceOptions {
  /** `host:port` of all workers, separated by commas, in the same order for each. */
  cluster?: string;
  /** Which of them this process is. */
  rank?: number;
}

/**
 * Where this process stands: by the options, else by TF_CONFIG (as TensorFlow's MultiWorkerMirroredStrategy reads it), else by Slurm's variables
 * (as its SlurmClusterResolver does). Undefined where it is alone.
 * @throws UserError where they say something that cannot be
 */
export function placeOf({ cluster, rank }: PlaceOptions, env: Environment): Place | undefined {
  if (cluster !== undefined || rank !== undefined) {
    if (cluster === undefined) throw new UserError('--rank: this goes with --cluster HOST:PORT,HOST:PORT; add that.');
    if (rank === undefined) throw new UserError('--cluster: which of its addresses is this process? Add --rank, from 0.');
    const addresses = cluster.split(',').map((a) => a.trim());
    return checked(addresses, rank, '--cluster', '--rank');
  }
  const found = env.TF_CONFIG ? byTensorFlow(env.TF_CONFIG) : bySlurm(env);
  return found && found.addresses.length > 1 ? found : undefined;
}

function byTensorFlow(text: string): Place {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw new UserError('TF_CONFIG: this is not JSON.');
  }
  const { cluster, task } = (config ?? {}) as { cluster?: Record<string, unknown>; task?: { type?: unknown; index?: unknown } };
  const form = 'expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}';
  if (typeof cluster !== 'object' || !cluster || typeof task !== 'object' || !task) throw new UserError(`TF_CONFIG: ${form}.`);
  const stranger = Object.keys(cluster).find((job) => job !== 'worker' && job !== 'chief');
  if (stranger) throw new UserError(`TF_CONFIG: there are workers and one chief here, no job '${stranger}'; leave it out.`);
  const [chief, worker] = [cluster.chief ?? [], cluster.worker ?? []];
  const isList = (list: unknown): list is string[] => Array.isArray(list) && list.every((a) => typeof a === 'string');
  if (!isList(chief) || !isList(worker) || chief.length > 1) throw new UserError(`TF_CONFIG: ${form}.`);
  // Some write the index as text.
  const index = Number(task.index ?? NaN);
  const own = task.type === 'chief' ? chief : task.type === 'worker' ? worker : [];
  if (!(index in own)) throw new UserError(`TF_CONFIG: its cluster has no task ${JSON.stringify(task)}.`);
  if (chief.length + worker.length === 1) return { addresses: [...chief, ...worker], rank: 0 };
  return checked([...chief, ...worker], task.type === 'worker' ? chief.length + index : index, 'TF_CONFIG', 'TF_CONFIG');
}

/** TensorFlow's: 8888 for the first task of a host, and on from there. */
const SLURM_PORT = 8888;

function bySlurm(env: Environment): Place | undefined {
  const tasks = Number(env.SLURM_STEP_NUM_TASKS ?? 1);
  // A job's script outside of srun has a step of one task, or none.
  if (!(tasks > 1)) return undefined;
  const need = (name: string) => env[name] ?? refuse(`Slurm: there are ${tasks} tasks, and ${name} is not set; start them with srun.`);
  const hosts = hostsOf(need('SLURM_STEP_NODELIST'));
  const perHost = tasksPerHost(need('SLURM_STEP_TASKS_PER_NODE'));
  if (hosts.length !== perHost.length || perHost.reduce((a, b) => a + b, 0) !== tasks) {
    throw new UserError(`Slurm: ${tasks} tasks are not ${env.SLURM_STEP_TASKS_PER_NODE} on the ${hosts.length} hosts ${env.SLURM_STEP_NODELIST}.`);
  }
  const rank = Number(need('SLURM_PROCID'));
  const addresses = hosts.flatMap((host, h) => Array.from({ length: perHost[h] }, (_, i) => `${host}:${SLURM_PORT + i}`));
  const { SLURM_NODEID: node, SLURM_LOCALID: local } = env;
  if (node !== undefined && local !== undefined && addresses[rank] !== `${hosts[Number(node)]}:${SLURM_PORT + Number(local)}`) {
    throw new UserError('Slurm: the tasks are not numbered host by host; start them with srun --distribution=block.');
  }
  return checked(addresses, rank, 'Slurm', 'SLURM_PROCID');
}

/** `node[01-03,7],other` as names. @throws UserError */
export function hostsOf(list: string): string[] {
  const parts = list.match(/(?:[^,[\]]|\[[^[\]]*\])+/g) ?? [];
  if (!parts.length || parts.join(',') !== list) throw new UserError(`Slurm: '${list}' is no list of hosts.`);
  return parts.flatMap((part) => expand(part, list));
}

function expand(part: string, list: string): string[] {
  const match = /^([^[]*)\[([^\]]*)\](.*)$/.exec(part);
  if (!match) return [part];
  const [, before, ranges, after] = match;
  const numbers = ranges.split(',').flatMap((range) => {
    const found = /^(\d+)(?:-(\d+))?$/.exec(range);
    const [from, to] = [Number(found?.[1]), Number(found?.[2] ?? found?.[1])];
    if (!found || to < from || to - from > 100_000) throw new UserError(`Slurm: '${list}' is no list of hosts.`);
    return Array.from({ length: to - from + 1 }, (_, i) => String(from + i).padStart(found[1].length, '0'));
  });
  return numbers.flatMap((n) => expand(after, list).map((rest) => `${before}${n}${rest}`));
}

/** `2(x3),1` as numbers. */
function tasksPerHost(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const found = /^(\d+)(?:\(x(\d+)\))?$/.exec(part);
    if (!found) throw new UserError(`Slurm: '${text}' says not how many tasks a host has.`);
    return Array<number>(Number(found[2] ?? 1)).fill(Number(found[1]));
  });
}

function checked(addresses: string[], rank: number, list: string, which: string): Place {
  const wrong = addresses.find((a) => !/^(\[[\da-fA-F:.]+\]|[^\s:[\]/]+):\d+$/.test(a) || !isPort(Number(a.slice(a.lastIndexOf(':') + 1))));
  if (wrong !== undefined) throw new UserError(`${list}: '${wrong}' is no address of the form host:port.`);
  const twice = addresses.find((a, i) => addresses.indexOf(a) !== i);
  if (twice) throw new UserError(`${list}: ${twice} stands there twice; each worker has an address of its own.`);
  if (addresses.length < 2) throw new UserError(`${list}: one address is no cluster; name all workers, or leave it out.`);
  if (!(rank in addresses)) throw new UserError(`${which}: the ${addresses.length} workers are numbered from 0 to ${addresses.length - 1}, not ${rank}.`);
  return { addresses, rank };
}

const isPort = (n: number) => n > 0 && n < 65_536;

/** What there is on a machine. */
export interface Machine {
  /** Names of its GPUs, as CUDA_VISIBLE_DEVICES takes them. */
  gpus: readonly string[];
  cores: number;
}

/**
 * The GPUs that a process may use: those of CUDA_VISIBLE_DEVICES, else all of the machine's (`files` of /dev); none where a lesser engine is
 * asked for.
 */
export function gpusOf(env: Environment, files: readonly string[]): string[] {
  if ((env.LGGAN_ENGINE ?? 'auto') !== 'auto') return [];
  const { CUDA_VISIBLE_DEVICES: visible } = env;
  if (visible === undefined) return files.flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? []).sort((a, b) => Number(a) - Number(b));
  const names = visible.split(',').map((name) => name.trim());
  // CUDA reads up to the first that does not exist.
  const end = names.findIndex((name) => name === '' || name === '-1');
  return end < 0 ? names : names.slice(0, end);
}

/**
 * The share of one of several workers on a machine, as variables that TensorFlow reads when it is loaded: a GPU of its own, and its part of
 * the cores.
 * @throws UserError where there are fewer GPUs than workers
 */
export function shareOf(index: number, count: number, { gpus, cores }: Machine, env: Environment): Record<string, string> {
  if (count < 2) return {};
  if (gpus.length && gpus.length < count) {
    throw new UserError(
      `--workers: ${count} workers want a GPU each, and there ${gpus.length > 1 ? `are ${gpus.length}` : 'is one'}; start fewer, or set LGGAN_ENGINE=cpu.`,
    );
  }
  return {
    ...(gpus.length && { CUDA_VISIBLE_DEVICES: gpus[index] }),
    TF_NUM_INTRAOP_THREADS: env.TF_NUM_INTRAOP_THREADS ?? String(Math.max(1, Math.floor(cores / count))),
  };
}

/** The GPU of one of several tasks that Slurm started on this machine, where it shows all of them to each. The cores Slurm shares out itself. */
export function slurmShare(env: Environment, gpus: readonly string[]): Record<string, string> {
  const { SLURM_STEP_NUM_TASKS: tasks = '1', SLURM_LOCALID: local = '0' } = env;
  return Number(tasks) > 1 && gpus.length > 1 && Number(local) in gpus ? { CUDA_VISIBLE_DEVICES: gpus[Number(local)] } : {};
}

function refuse(sentence: string): never {
  throw new UserError(sentence);
}

/** Channels times pixels of a batch up to which a network is small: twice what `npm run bench` takes, and no compiled step of it has a window. */
const SMALL = 2 * 16 * 4 * 96 * 128;

/**
 * Threads of an operation that trains a network of so many channels (`ngf`) on so many pixels a step. On two cores the operations of a small one have
 * one each, as hundreds of them are not worth two: TensorFlow runs two at a time then. With more cores it was not measured, and each has all.
 */
export const threadsFor = (ngf: number, pixels: number, cores: number): number => (cores === 2 && ngf * pixels <= SMALL ? 1 : cores);
