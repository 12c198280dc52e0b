/** The order in which training sees a data set: seeded, resumable, read ahead. */
import { createHash } from 'node:crypto';
import { wholeNumbers } from '../common/config';
import { UserError } from '../common/errors';
import { Random } from '../common/random';

/** Where a sequence of batches stands, fit for JSON. Every random choice follows from these numbers. */
export type SequenceState = {
  version: 1;
  seed: number;
  batchSize: number;
  repeat: number;
  /** Number of items, and the hash of their names. */
  items: number;
  names: string;
  /** Epochs begun before, from 0. */
  epoch: number;
  /** Batches of this epoch that were handed out. */
  batch: number;
};

export interface SequenceOptions {
  /** Items a batch. Default 2. */
  batchSize?: number;
  /** Default 628. */
  seed?: number;
  /** How often an epoch goes through the set, for small sets that are cropped at random. Default 1. */
  repeat?: number;
  /** Random order, another one each epoch. Default true. */
  shuffle?: boolean;
  /** Leaves out a last batch that is not full. Default true. */
  dropLast?: boolean;
  /** Of several workers which one reads: its part of each batch, all choices being those of the whole. Default: the whole batch. */
  share?: Share;
}

/** One of so many equal parts, from 0. */
export interface Share {
  readonly rank: number;
  readonly size: number;
}

/** How many items of a batch each worker takes. @throws UserError where they cannot be split evenly */
export function splitEvenly(batchSize: number, workers: number): number {
  if (batchSize % workers) {
    throw new UserError(`batchSize: a batch of ${batchSize} cannot be split evenly among ${workers} workers; take a multiple of ${workers}.`);
  }
  return batchSize / workers;
}

/** What a trainer needs of a sequence of batches. */
export interface Source<B> {
  readonly batchesPerEpoch: number;
  next(): Promise<B>;
  state(): SequenceState;
  restore(state: unknown): void;
}

/**
 * Batches of a list without end, epoch by epoch. The random numbers of a batch come from a generator of its own, seeded by (seed, epoch,
 * batch), so that the state is three numbers and the sequence after `restore` equals the uninterrupted one.
 * While a batch is used, the next is read.
 */
export abstract class Sequence<B, P> implements Source<B> {
  /** Batches an epoch. */
  readonly batchesPerEpoch: number;
  private readonly settings: Required<Omit<SequenceOptions, 'share'>>;
  private readonly share?: Share;
  private readonly nameHash: string;
  private place = { epoch: 0, batch: 0 };
  private ahead?: Promise<B>;
  private order?: { epoch: number; items: number[] };

  /** Throws a UserError where the set has fewer items than a batch. */
  protected constructor(
    readonly source: string,
    private readonly names: readonly string[],
    options: SequenceOptions,
  ) {
    const { batchSize = 2, seed = 628, repeat = 1, shuffle = true, dropLast = true } = options;
    wholeNumbers({ batchSize, repeat }, 'batches');
    wholeNumbers({ seed }, 'batches', 0);
    this.settings = { batchSize, seed, repeat, shuffle, dropLast };
    this.share = options.share;
    if (this.share && !dropLast) throw new Error('a batch that is not full is not split');
    splitEvenly(batchSize, this.share?.size ?? 1);
    const items = names.length * repeat;
    this.batchesPerEpoch = dropLast ? Math.floor(items / batchSize) : Math.ceil(items / batchSize);
    if (this.batchesPerEpoch < 1) {
      throw new UserError(`${source}: its ${items} items do not fill a batch of ${batchSize}; lower batchSize or add more.`);
    }
    this.nameHash = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16);
  }

  /** All random choices for an item. Drawn for the whole batch before anything is read: what is read first, and by whom, must not matter. */
  protected abstract plan(item: number, random: Random): P;

  /** Reads what was planned. */
  protected abstract load(plans: P[]): Promise<B>;

  /** The next batch. If it cannot be read, the place stays, and the next call tries again. */
  async next(): Promise<B> {
    const place = this.place;
    const reading = this.ahead ?? this.read(place);
    this.ahead = undefined;
    const batch = await reading;
    if (this.place !== place) throw new Error('next() was called again, or restore(), before it had ended');
    this.place = place.batch + 1 < this.batchesPerEpoch ? { ...place, batch: place.batch + 1 } : { epoch: place.epoch + 1, batch: 0 };
    this.ahead = this.read(this.place);
    // Its failure is reported by the call that asks for it.
    this.ahead.catch(() => undefined);
    return batch;
  }

  private async read({ epoch, batch }: { epoch: number; batch: number }): Promise<B> {
    const { batchSize, seed } = this.settings;
    const items = this.orderOf(epoch).slice(batch * batchSize, (batch + 1) * batchSize);
    const { rank, size } = this.share ?? { rank: 0, size: 1 };
    const own = items.length / size;
    const random = randomOf(seed, epoch, batch + 1);
    return this.load(items.map((item) => this.plan(item, random)).slice(rank * own, (rank + 1) * own));
  }

  private orderOf(epoch: number): number[] {
    if (this.order?.epoch !== epoch) {
      const { repeat, seed, shuffle } = this.settings;
      const items = Array.from({ length: this.names.length * repeat }, (_, i) => i % this.names.length);
      if (shuffle) randomOf(seed, epoch, 0).shuffle(items);
      this.order = { epoch, items };
    }
    return this.order.items;
  }

  /** Where the sequence stands: the batches handed out count, those read ahead do not. */
  state(): SequenceState {
    const { seed, batchSize, repeat } = this.settings;
    return { version: 1, seed, batchSize, repeat, items: this.names.length, names: this.nameHash, ...this.place };
  }

  /** Goes on from a saved state. Throws a UserError where it is none, or was saved with other settings or another set. */
  restore(state: unknown): void {
    const s = (state ?? {}) as Partial<SequenceState>;
    const own = this.state();
    if (s.version !== 1 || !Number.isInteger(s.epoch) || !Number.isInteger(s.batch) || s.epoch! < 0 || s.batch! < 0) {
      throw new UserError(`${this.source}: what was saved is not the place in a sequence of batches; start the training anew.`);
    }
    for (const key of ['seed', 'batchSize', 'repeat', 'items', 'names'] as const) {
      if (s[key] === own[key]) continue;
      const what = { seed: 'seed', batchSize: 'batch size', repeat: 'repeat', items: 'number of items', names: 'list of files' }[key];
      throw new UserError(`${this.source}: the saved training had another ${what} (${s[key]}, now ${own[key]}); restore it, or start the training anew.`);
    }
    if (s.batch! >= this.batchesPerEpoch) throw new UserError(`${this.source}: the saved place lies beyond the epoch's last batch.`);
    this.place = { epoch: s.epoch!, batch: s.batch! };
    this.ahead = undefined;
  }
}

/** A generator for one purpose: the seed's two words, the epoch, and 0 for the order or the number of the batch, from 1. */
function randomOf(seed: number, epoch: number, purpose: number): Random {
  return new Random([seed % 4294967296, Math.floor(seed / 4294967296), epoch, purpose, 1]);
}

/** Keeps what was read in memory, up to a limit; what does not fit is read again each time. */
export class Cache<T> {
  private readonly items = new Map<number, T>();
  private bytes = 0;

  constructor(
    private readonly limitBytes: number,
    private readonly sizeOf: (item: T) => number,
  ) {}

  async get(i: number, read: (i: number) => Promise<T>): Promise<T> {
    const kept = this.items.get(i);
    if (kept) return kept;
    const item = await read(i);
    const size = this.sizeOf(item);
    // Each epoch goes through all items once, so that replacing kept ones would never pay.
    if (!this.items.has(i) && this.bytes + size <= this.limitBytes) {
      this.items.set(i, item);
      this.bytes += size;
    }
    return item;
  }

  get size(): number {
    return this.items.size;
  }
}

/** Limit of a cache unless told otherwise: 1 GiB, 5000 pairs of 256x192. */
export const CACHE_BYTES = 2 ** 30;
