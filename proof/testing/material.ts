import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { trimmedGolden } from './trimmed';

/** The root of the repository. */
export const ROOT = resolve(__dirname, '..', '..');

/**
 * The absolute path of a file or folder that is not part of the project (reference numbers, others' weights, research
 * data), or undefined where this machine has none. Looks in `checkpoints/` first, then in `../shared/`, both relative
 * to the repository's root; for `golden/` at last in what travels with the project.
 */
export function material(path: string): string | undefined {
  for (const folder of [join(ROOT, 'checkpoints'), resolve(ROOT, '..', 'shared')]) {
    const file = join(folder, path);
    if (existsSync(file)) return file;
  }
  const trimmed = path.startsWith('golden/') ? join(trimmedGolden(), path.slice('golden/'.length)) : undefined;
  return trimmed && existsSync(trimmed) ? trimmed : undefined;
}

/**
 * The same inside a test: without the material the test is marked as skipped with a message, and the caller returns.
 *
 * ```ts
 * const file = withMaterial(t, 'golden/golden_small.npz');
 * if (!file) return;
 * ```
 */
export function withMaterial(t: TestContext, path: string): string | undefined {
  const file = material(path);
  if (!file) t.skip(`skipped: ${path} is not on this machine`);
  return file;
}
