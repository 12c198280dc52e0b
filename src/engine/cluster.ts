/**
 * Several processes that train one network: the collective runtime of TensorFlow, which its C library exports (scripts/setup/cluster.cc calls
 * it). Workers add tensors up over gRPC, and each has the same bits of the sum. docs/robustness.md says who can reach it.
 */
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { UserError } from '../common/errors';
import * as tf from './tf';

/** Which workers there are, `host:port` of each by rank, and which one this process is. */
export interface Place {
  addresses: readonly string[];
  rank: number;
}

export interface JoinOptions {
  /** Seconds to wait for the others at the beginning. Default 300. */
  startSeconds?: number;
  /** Seconds in which a living worker answers; three times without an answer, and it counts as lost. Default 10. */
  answerSeconds?: number;
  /** By name in words what has to be the same for all workers, such as `project`. */
  same?: Readonly<Record<string, string>>;
  /** Batch norm takes its statistics over the batches of all workers. Default true. */
  sharedNorm?: boolean;
  onMessage?(message: string): void;
}

/** Between two rounds of the watch: a worker that is gone is found after so long. */
const WATCH_SECONDS = 2;

interface Binding {
  clusterStart(definition: Uint8Array, rank: number): void;
  clusterLimit(port: number, addresses: string[]): boolean;
  clusterAsk(rank: number, milliseconds: number): string;
  clusterWatch(ranks: Int32Array, pause: number, patience: number): void;
  clusterLost(): number;
  clusterStop(): void;
}

const binding = (): Partial<Binding> => (tf.backend() as unknown as { binding: Binding }).binding;

let active: Cluster | undefined;

/** The workers that this process belongs to; undefined where it trains alone. */
export const cluster = (): Cluster | undefined => active;

/** How many processes train together. */
export const workers = (): number => active?.size ?? 1;

/** Whether this process is the one that writes: the first of several, or alone. */
export const isFirst = (): boolean => active?.first ?? true;

/** The sum of a tensor over all workers, the same bits for each; of one alone the tensor itself. float32, no gradient. */
export const overWorkers = <T extends tf.Tensor>(t: T): T => active?.sum(t) ?? t;

/** `Cluster.newPasses` where there are several workers. */
export const newPasses = (count: number): number => active?.newPasses(count) ?? 0;

/** `Cluster.during` where there are several workers. */
export const inPass = <T>(number: number, f: () => T): T => (active ? active.during(number, f) : f());

export class Cluster {
  private fresh = 0;
  /** 0 is for what all do in between. */
  private passes = 1;
  private pass?: { number: number; next: number };

  private constructor(
    private readonly place: Place,
    /** See `JoinOptions`. */
    readonly sharedNorm: boolean,
    private readonly answerSeconds: number,
  ) {}

  get rank(): number {
    return this.place.rank;
  }

  get size(): number {
    return this.place.addresses.length;
  }

  /** Whether it is the one that writes. */
  get first(): boolean {
    return this.rank === 0;
  }

  /**
   * Starts to listen and waits until all workers are there. Call it before any tensor is made.
   * @throws UserError where this engine has no collective runtime, the port is taken, a worker does not come, or differs
   */
  static async join(place: Place, options: JoinOptions = {}): Promise<Cluster> {
    const { startSeconds = 300, answerSeconds = 10, same = {}, sharedNorm = true, onMessage } = options;
    if (active) throw new Error('this process is a worker already');
    const native = tf.hasNativeKernels() ? binding() : {};
    if (!native.clusterStart) throw new UserError('Several workers need the native TensorFlow engine that the set-up compiles; run `npm run doctor`.');
    if (tf.memory().numTensors) throw new Error('a process joins a cluster before it makes tensors');
    const { addresses, rank } = place;
    const port = portOf(addresses[rank]);
    await refuseTaken(port, addresses[rank]);
    try {
      native.clusterStart(serverDefinition(place), rank);
    } catch (e) {
      throw new UserError(`${nameOf(place, rank)} could not begin to listen: ${(e as Error).message.split('\n')[0]}`, { cause: e });
    }
    const own = await ownAddresses(addresses);
    if (!own.length || !native.clusterLimit!(port, own)) {
      onMessage?.(
        `${nameOf(place, rank)} listens on all addresses of this machine, without asking who calls: keep its ports in a private network (docs/robustness.md).`,
      );
    }
    const made = new Cluster(place, sharedNorm, answerSeconds);
    await made.waitForAll(startSeconds, onMessage);
    const peers = addresses.map((_, i) => i).filter((i) => i !== rank);
    native.clusterWatch!(Int32Array.from(peers), WATCH_SECONDS * 1000, answerSeconds * 1000);
    active = made;
    try {
      made.refuseDifferences(same);
    } catch (e) {
      active = undefined;
      throw e;
    }
    return made;
  }

  /** Waits until all have come this far, and no longer watches them. TensorFlow's server goes on until the process ends. */
  leave(): void {
    this.any(false);
    try {
      // Whoever ends now has been where all of them were: that is no loss.
      this.any(false);
    } catch {
      // It needs nothing of them any more.
    }
    binding().clusterStop!();
    active = undefined;
  }

  /** The first of so many numbers of passes that nobody has had. All workers ask for them in the same order. */
  newPasses(count: number): number {
    this.passes += count;
    return this.passes - count;
  }

  /**
   * Runs a part of a training step whose reductions are told apart by their order in it. The same number is the same part at every step, on
   * every worker; it has to reduce tensors of the same shapes in the same order each time.
   */
  during<T>(number: number, f: () => T): T {
    if (this.pass) throw new Error('one pass at a time');
    this.pass = { number, next: 0 };
    try {
      return f();
    } finally {
      this.pass = undefined;
    }
  }

  /** The sum over all workers, which wait for each other; may stand inside of a compiled function. */
  sum<T extends tf.Tensor>(t: T): T {
    const key = this.pass ? this.pass.number * PASS + this.pass.next++ : FRESH + this.fresh++;
    const attributes: Record<string, tf.Attribute> = {
      ...{ T: 'float32', merge_op: 'Add', final_op: 'Id', communication_hint: tf.engineInfo().gpu ? 'nccl' : 'ring' },
      ...{ timeout_seconds: { float: 0 }, is_stateless: false, Nordering_token: 0, max_subdivs_per_device: -1 },
    };
    return tf.tidy(() => {
      const [size, group, instance] = [this.size, 1, key].map((n) => tf.scalar(n, 'int32'));
      return tf.runKernel('CollectiveReduceV2', attributes, [t, size, group, instance])[0] as T;
    });
  }

  /** What each worker gives, in rows by rank. [n] -> [workers, n] */
  gather(t: tf.Tensor1D): tf.Tensor2D {
    const { rank, size } = this;
    return tf.tidy(() => {
      // Zeros change no number that is added to them.
      const rows = tf.pad(tf.reshape(t, [1, -1]), [
        [rank, size - 1 - rank],
        [0, 0],
      ]);
      return this.sum(rows as tf.Tensor2D);
    });
  }

  /** Whether it is so for any worker. */
  any(own: boolean): boolean {
    return tf.tidy(() => this.during(0, () => this.sum(tf.scalar(own ? 1 : 0)).dataSync()[0] > 0));
  }

  /** What the first worker says: anything that JSON takes. */
  told<T>(value: T): T {
    const bytes = this.first ? Buffer.from(JSON.stringify({ value })) : Buffer.alloc(0);
    return tf.tidy(() => {
      const length = this.sum(tf.scalar(bytes.length)).dataSync()[0];
      const content = new Float32Array(length);
      content.set(bytes);
      const text = Buffer.from(this.sum(tf.tensor1d(content)).dataSync()).toString();
      return (JSON.parse(text) as { value: T }).value;
    });
  }

  /** Tensors of the first worker's; the others' are of the same shapes. The caller disposes of them. */
  tensorsOfFirst(tensors: readonly tf.Tensor[]): tf.Tensor[] {
    return this.inBuckets(tensors, (t) => this.sum(this.first ? t : tf.zerosLike(t)));
  }

  /** The mean of each tensor over the workers, a few large sums for many small tensors. The caller disposes of them. */
  means(tensors: readonly tf.Tensor[]): tf.Tensor[] {
    return this.inBuckets(tensors, (t) => tf.div(this.sum(t), this.size));
  }

  private inBuckets(tensors: readonly tf.Tensor[], f: (flat: tf.Tensor) => tf.Tensor): tf.Tensor[] {
    return buckets(tensors).flatMap((bucket) =>
      tf.tidy(() => {
        const flat = bucket.length > 1 ? tf.concat(bucket.map((t) => tf.reshape(t, [-1]))) : tf.reshape(bucket[0], [-1]);
        const all = f(flat);
        const parts =
          bucket.length > 1
            ? tf.split(
                all,
                bucket.map((t) => t.size),
              )
            : [all];
        return parts.map((part, i) => tf.reshape(part, bucket[i].shape));
      }),
    );
  }

  /** An error of a step as what is behind it: a UserError with the worker that is lost; any other error as it is. */
  explain(error: unknown): unknown {
    const lost = error instanceof Error && !(error instanceof UserError) && LOST.test(error.message) ? this.findLost() : undefined;
    if (lost === undefined) return error;
    return new UserError(
      `${nameOf(this.place, lost)} has ended or cannot be reached, so this one ends too; see what it says, and start all of them again: they go on from the last checkpoint.`,
      { cause: error },
    );
  }

  private findLost(): number | undefined {
    const found = binding().clusterLost!();
    if (found >= 0) return found;
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < this.size; i++) if (i !== this.rank && binding().clusterAsk!(i, 1000)) return i;
      sleep(500);
    }
    return undefined;
  }

  private async waitForAll(seconds: number, onMessage?: (message: string) => void): Promise<void> {
    const until = performance.now() + seconds * 1000;
    let told = performance.now() + 5000;
    const missing = new Set(this.place.addresses.keys());
    for (;;) {
      for (const i of missing) if (!binding().clusterAsk!(i, 500)) missing.delete(i);
      if (!missing.size) return;
      const names = [...missing].map((i) => nameOf(this.place, i)).join(', ');
      if (performance.now() > until) {
        throw new UserError(`${names} did not come within ${seconds} s; start all workers, with the same addresses in the same order.`);
      }
      if (performance.now() > told) {
        onMessage?.(`Waiting for ${names} ...`);
        told = Infinity;
      }
      await setTimeout(200);
    }
  }

  /**
   * Asks whether something is the same for all workers, by names in words such as `project`.
   * @throws UserError that names a worker and what differs from the first
   */
  refuseDifferences(same: Readonly<Record<string, string>>): void {
    const names = ['number of workers', ...Object.keys(same)];
    const own = [String(this.place.addresses), ...Object.values(same)].map((text) => createHash('sha256').update(text).digest().readUIntBE(0, 3));
    const rows = tf.tidy(() => this.gather(tf.tensor1d(own)).arraySync());
    for (const [rank, row] of rows.entries()) {
      const at = row.findIndex((v, i) => v !== rows[0][i]);
      if (at >= 0) throw new UserError(`${nameOf(this.place, rank)} has another ${names[at]} than worker 0; make it the same for all.`);
    }
  }
}

/** Keys of reductions: so many in a pass; beyond all passes those that come once. */
const PASS = 1 << 16;
const FRESH = 1 << 28;

/** What errors of reductions say. Others, such as those of a shape, come from elsewhere. */
const LOST = /[Cc]ollective|Invalid TF_Status: 14|RecvBuf|grpc|worker \d+ is lost/;

/** So many numbers are added up in one go: 16 MB, long enough for the wire, and small beside the network. */
const BUCKET = 1 << 22;

/** Neighbours in buckets of not many more numbers than that. */
function buckets(tensors: readonly tf.Tensor[]): tf.Tensor[][] {
  const made: tf.Tensor[][] = [];
  let room = 0;
  for (const t of tensors) {
    if (room < t.size || !made.length) {
      made.push([]);
      room = BUCKET;
    }
    made[made.length - 1].push(t);
    room -= t.size;
  }
  return made;
}

const nameOf = ({ addresses }: Place, rank: number) => `Worker ${rank} (${addresses[rank]})`;

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1));
const hostOf = (address: string) => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** TensorFlow would share a port with whoever has it. */
async function refuseTaken(port: number, address: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', (e: NodeJS.ErrnoException) => reject(new UserError(`${address}: this port cannot be listened on (${e.code}); choose another.`)));
    server.listen(port, () => server.close(() => resolve()));
  });
}

/** Ports of the loopback that nobody uses, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** The addresses of this machine that the others call it by; none where that cannot be known. */
async function ownAddresses(addresses: readonly string[]): Promise<string[]> {
  const resolved = await Promise.all(addresses.map((a) => lookup(hostOf(a), { all: true }).catch(() => [])));
  const all = resolved.flat().map((a) => a.address);
  const here = Object.values(networkInterfaces())
    .flatMap((interfaces) => interfaces ?? [])
    .map((i) => i.address);
  return reachableBy(all, here);
}

/**
 * Of the addresses of all workers those that are this machine's. None where the others would call another one: where some are not on the
 * loopback, but this machine is only there (as its own name often is).
 */
export function reachableBy(all: readonly string[], here: readonly string[]): string[] {
  const isLoopback = (address: string) => /^127\.|^::1$/.test(address);
  const own = all.filter((address) => here.includes(address) || isLoopback(address));
  if (all.every(isLoopback) || own.some((address) => !isLoopback(address))) return [...new Set(own)];
  return [];
}

/** TensorFlow's ServerDef in protobuf: all workers, and which one this is. */
export function serverDefinition({ addresses, rank }: Place): Uint8Array {
  const varint = (v: number): number[] => (v > 127 ? [(v & 127) | 128, ...varint(v >>> 7)] : [v]);
  const field = (number: number, content: readonly number[] | string) => {
    const bytes = [...Buffer.from(content as string)];
    return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
  };
  const whole = (number: number, value: number) => [...varint(number << 3), ...varint(value)];
  const tasks = addresses.flatMap((address, i) => field(2, [...whole(1, i), ...field(2, address)]));
  // ServerDef: 1 cluster { 1 job { 1 name, 2 tasks } }, 2 job_name, 3 task_index, 4 default_session_config { 16 experimental { 1
  // collective_group_leader } }, 5 protocol.
  return Uint8Array.from([
    ...field(1, field(1, [...field(1, 'worker'), ...tasks])),
    ...field(2, 'worker'),
    ...whole(3, rank),
    ...field(4, field(16, field(1, '/job:worker/replica:0/task:0'))),
    ...field(5, 'grpc'),
  ]);
}
