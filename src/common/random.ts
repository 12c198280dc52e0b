/** Python's `random`: the Mersenne twister MT19937 and the methods on top of it, number for number as CPython 3.11 and 3.12. */

const N = 624;
const M = 397;

/** State of a generator, fit for JSON. */
export type RandomState = {
  /** The 624 words of the twister. */
  words: number[];
  /** How many of them are used up. */
  used: number;
};

/** Any whole number as a seed; the sign is dropped, as in Python. A list is one number made of 32-bit words, the lowest first. */
export type Seed = number | bigint | readonly number[];

/**
 * A seeded generator equal to Python's `random.Random(seed)`. Matsumoto and Nishimura, "Mersenne Twister", 1998; CPython's
 * Modules/_randommodule.c and Lib/random.py.
 */
export class Random {
  private readonly words = new Uint32Array(N);
  private used = N;

  constructor(seed: Seed = 0) {
    this.seed(seed);
  }

  /** Starts anew, as `random.seed(n)`. Throws a RangeError where the seed is no whole number. */
  seed(seed: Seed): void {
    const key = seedWords(seed);
    const s = this.words;
    s[0] = 19650218;
    for (let i = 1; i < N; i++) s[i] = Math.imul(1812433253, s[i - 1] ^ (s[i - 1] >>> 30)) + i;
    let i = 1;
    for (let k = 0, j = 0; k < Math.max(N, key.length); k++) {
      s[i] = (s[i] ^ Math.imul(s[i - 1] ^ (s[i - 1] >>> 30), 1664525)) + key[j] + j;
      if (++i >= N) {
        s[0] = s[N - 1];
        i = 1;
      }
      if (++j >= key.length) j = 0;
    }
    for (let k = 0; k < N - 1; k++) {
      s[i] = (s[i] ^ Math.imul(s[i - 1] ^ (s[i - 1] >>> 30), 1566083941)) - i;
      if (++i >= N) {
        s[0] = s[N - 1];
        i = 1;
      }
    }
    s[0] = 0x80000000;
    this.used = N;
  }

  /** 32 random bits as a whole number 0 .. 2^32 - 1. */
  next32(): number {
    if (this.used >= N) this.twist();
    let y = this.words[this.used++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  private twist(): void {
    const s = this.words;
    for (let i = 0; i < N; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % N] & 0x7fffffff);
      s[i] = s[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.used = 0;
  }

  /** A number in [0, 1) with 53 random bits. */
  random(): number {
    const a = this.next32() >>> 5;
    const b = this.next32() >>> 6;
    return (a * 67108864 + b) / 9007199254740992;
  }

  /** `bits` random bits as a whole number; at most 53, since it is a JavaScript number. */
  getrandbits(bits: number): number {
    if (!Number.isInteger(bits) || bits < 0 || bits > 53) throw new RangeError(`getrandbits: 0 to 53 bits, not ${bits}`);
    if (bits === 0) return 0;
    if (bits <= 32) return this.next32() >>> (32 - bits);
    const low = this.next32();
    return (this.next32() >>> (64 - bits)) * 4294967296 + low;
  }

  /** A whole number 0 .. n - 1, as `random.randrange(n)`. */
  randrange(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`randrange: there is no whole number below ${n}`);
    const bits = n < 4294967296 ? 32 - Math.clz32(n) : 64 - Math.clz32(Math.floor(n / 4294967296));
    let r = this.getrandbits(bits);
    while (r >= n) r = this.getrandbits(bits);
    return r;
  }

  /** A number between a and b. */
  uniform(a: number, b: number): number {
    return a + (b - a) * this.random();
  }

  /** One of the items. */
  choice<T>(items: ArrayLike<T>): T {
    return items[this.randrange(items.length)];
  }

  /** Puts the items in random order, in place. */
  shuffle(items: { readonly length: number; [i: number]: unknown }): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.randrange(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
  }

  /** `count` different items in random order. Throws a RangeError where there are fewer. */
  sample<T>(items: readonly T[], count: number): T[] {
    const n = items.length;
    if (!Number.isInteger(count) || count < 0 || count > n) throw new RangeError(`sample: ${count} of ${n} items`);
    // Python's choice of the quicker way: a list of what is left, or a set of what is taken.
    let setSize = 21;
    if (count > 5) {
      let power = 1;
      while (power < count * 3) power *= 4;
      setSize += power;
    }
    const result: T[] = [];
    if (n <= setSize) {
      const pool = items.slice();
      for (let i = 0; i < count; i++) {
        const j = this.randrange(n - i);
        result.push(pool[j]);
        pool[j] = pool[n - i - 1];
      }
    } else {
      const taken = new Set<number>();
      for (let i = 0; i < count; i++) {
        let j = this.randrange(n);
        while (taken.has(j)) j = this.randrange(n);
        taken.add(j);
        result.push(items[j]);
      }
    }
    return result;
  }

  /** Everything that the next numbers depend on. */
  getState(): RandomState {
    return { words: Array.from(this.words), used: this.used };
  }

  /** Goes on where `getState` was called. */
  setState({ words, used }: RandomState): void {
    if (words.length !== N || !Number.isInteger(used) || used < 0 || used > N) throw new RangeError('not a state of this generator');
    this.words.set(words);
    this.used = used;
  }
}

function seedWords(seed: Seed): readonly number[] {
  if (typeof seed === 'object') {
    if (!seed.length || seed.some((w) => !Number.isInteger(w) || w < 0 || w > 0xffffffff)) {
      throw new RangeError(`a seed's words are whole numbers 0 .. 2^32 - 1, not ${seed}`);
    }
    // A number has no leading zeros.
    let length = seed.length;
    while (length > 1 && seed[length - 1] === 0) length--;
    return seed.slice(0, length);
  }
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) throw new RangeError(`a seed is a whole number, not ${seed}`);
  let rest = BigInt(seed);
  if (rest < 0n) rest = -rest;
  const words: number[] = [];
  do {
    words.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return words;
}
