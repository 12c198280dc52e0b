import { UserError, excerpt } from './errors';

/** Where the original's code departs from the papers, each point can follow either. */
export type Choice = 'paper' | 'original';

/**
 * The departures of the original's networks, losses and optimiser from the papers (docs/differences.md tells what each changes).
 * Those of the data preparation and the metrics are options of their functions.
 */
export interface Behaviour {
  /** Spectral norm of the SPADE blocks' and the discriminator's convolutions. `original`: computed, never used. */
  spectralNorm: Choice;
  /** Resize of the encoder's output before head_0. `paper`: nearest. `original`: bilinear, at a factor of 2 the mean of 2x2. */
  encoderResize: Choice;
  /** Batch norm's running variance. `paper`: unbiased, as PyTorch's. `original`: biased. */
  runningVariance: Choice;
  /** Mask of class 27 in the local L1 loss. `original`: the mask of class 26. */
  classMasks: Choice;
  /** Axis of the class score's softmax. `paper`: along the outputs. `original`: along the rows, and images of a batch mixed. */
  classScore: Choice;
  /** Average pool between the discriminator's scales. `paper`: padding is not counted. `original`: always divided by 9. */
  averagePool: Choice;
  /** Adam's epsilon. `paper`: added to the corrected root. `original`: to the uncorrected one. */
  adamEpsilon: Choice;
}

const BEHAVIOURS: (keyof Behaviour)[] = ['spectralNorm', 'encoderResize', 'runningVariance', 'classMasks', 'classScore', 'averagePool', 'adamEpsilon'];

/** `paper` (the default) or `original` for all points, or a choice for some of them, the rest `paper`. */
export type BehaviourOption = Choice | Partial<Behaviour>;

export function behaviour(option: BehaviourOption = 'paper'): Behaviour {
  const all = (choice: Choice) => Object.fromEntries(BEHAVIOURS.map((k) => [k, choice])) as unknown as Behaviour;
  if (option === 'paper' || option === 'original') return all(option);
  if (typeof option !== 'object' || option === null) {
    throw new UserError(`behaviour: expected 'paper', 'original' or an object, got ${describe(option)}`);
  }
  const chosen = configure(all('paper'), option, 'behaviour');
  for (const key of BEHAVIOURS) oneOf(chosen[key], ['paper', 'original'], `behaviour.${key}`);
  return chosen;
}

/**
 * `defaults` with `overrides` in their place. A field that `defaults` does not have, or whose type differs, is a UserError that
 * names it. `undefined` means the default.
 */
export function configure<T extends object>(defaults: T, overrides: Partial<T> | undefined, where: string): T {
  const result = { ...defaults };
  for (const [key, value] of Object.entries(overrides ?? {})) {
    if (value === undefined) continue;
    if (!Object.hasOwn(defaults, key)) {
      const hint = nearest(key, Object.keys(defaults));
      throw new UserError(`${where}: there is no field '${excerpt(key)}'${hint ? `; did you mean '${hint}'?` : ''}`);
    }
    const expected = (defaults as Record<string, unknown>)[key];
    const fault = mismatch(expected, value);
    if (fault) throw new UserError(`${where}.${key}: expected ${fault}, got ${describe(value)}`);
    (result as Record<string, unknown>)[key] = value;
  }
  return result;
}

function mismatch(expected: unknown, value: unknown): string | undefined {
  // A default of undefined or null says nothing of the type.
  if (expected === undefined || expected === null) return undefined;
  if (Array.isArray(expected)) {
    const kind = typeof expected[0];
    const isElement = (v: unknown) => typeof v === kind && (kind !== 'number' || Number.isFinite(v));
    const fits = Array.isArray(value) && (expected.length === 0 || value.every(isElement));
    return fits ? undefined : `a list of ${kind}s`;
  }
  if (typeof expected === 'number') return typeof value === 'number' && Number.isFinite(value) ? undefined : 'a number';
  if (typeof expected === typeof value && value !== null && !Array.isArray(value)) return undefined;
  // 'paper' stands for an object of choices.
  if (typeof expected === 'string' && typeof value === 'object' && value !== null) return undefined;
  return `${typeof expected === 'object' ? 'an' : 'a'} ${typeof expected}`;
}

/** Throws a UserError unless `value` is one of `allowed`. */
export function oneOf<T extends string>(value: T, allowed: readonly T[], where: string): void {
  if (!allowed.includes(value)) {
    throw new UserError(`${where}: expected ${allowed.map((a) => `'${a}'`).join(' or ')}, got ${describe(value)}`);
  }
}

/** Throws a UserError unless every value is a whole number of at least `least`. */
export function wholeNumbers(values: Record<string, number>, where: string, least = 1): void {
  for (const [key, value] of Object.entries(values)) {
    if (!Number.isInteger(value) || value < least) {
      throw new UserError(`${where}.${key}: expected a whole number of at least ${least}, got ${describe(value)}`);
    }
  }
}

const describe = (value: unknown) => excerpt(JSON.stringify(value) ?? String(value));

/** The candidate with the smallest edit distance, if it is small enough to be a typing mistake. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates.map((c) => ({ c, d: editDistance(word.toLowerCase(), c.toLowerCase()) }));
  scored.sort((a, b) => a.d - b.d);
  return scored.length && scored[0].d <= Math.max(2, word.length / 3) ? scored[0].c : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
