import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FORMULA, formulaWeights } from '../parity/formula';

const PACKED = join(__dirname, 'golden');
/** Beside the project's other caches; `npm ci` empties it. */
const CACHE = resolve(__dirname, '../../node_modules/.cache');

/** Files of `checkpoints.json`: bytes in base64, and between them tensors, [place in the sorted names, shape]. */
type Pieces = Record<string, { sha256: string; pieces: (string | [number, number[]])[] }>;

let folder: string | undefined;

/**
 * The golden files that travel with the project (`golden/`, written by its trim.py), unpacked: a folder as the large one, in which large arrays
 * are sampled. It is made once for each state of `golden/`, by whoever comes first.
 */
export function trimmedGolden(): string {
  if (folder) return folder;
  const names = (readdirSync(PACKED, { recursive: true }) as string[]).filter((name) => /\.\w+$/.test(name)).sort();
  const hash = createHash('sha256').update(readFileSync(__filename));
  for (const name of names) hash.update(name).update(readFileSync(join(PACKED, name)));
  const target = join(CACHE, `golden-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(target)) {
    mkdirSync(CACHE, { recursive: true });
    const scratch = mkdtempSync(join(CACHE, 'unpacking-'));
    try {
      for (const name of names) unpack(name, scratch);
      renameSync(scratch, target);
    } catch (e) {
      rmSync(scratch, { recursive: true, force: true });
      // Another process was faster.
      if (!existsSync(target)) throw e;
    }
  }
  return (folder = target);
}

function unpack(name: string, target: string): void {
  const file = join(PACKED, name);
  mkdirSync(dirname(join(target, name)), { recursive: true });
  if (name === 'checkpoints.json.gz') unpackCheckpoints(JSON.parse(gunzipSync(readFileSync(file)).toString()) as Pieces, join(target, 'checkpoints'));
  else if (name.endsWith('.gz')) writeFileSync(join(target, name.slice(0, -3)), gunzipSync(readFileSync(file)));
  else if (!name.endsWith('.py')) cpSync(file, join(target, name));
}

/** Every byte of a file is that of the program which wrote it, or this throws. */
function unpackCheckpoints(files: Pieces, target: string): void {
  mkdirSync(target);
  for (const [name, { sha256, pieces }] of Object.entries(files)) {
    const bytes = Buffer.concat(pieces.map((p) => (typeof p === 'string' ? Buffer.from(p, 'base64') : Buffer.from(formulaWeights(...p, FORMULA).buffer))));
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256) throw new Error(`golden/checkpoints.json.gz: ${name} comes out as ${found}, it has to be ${sha256}`);
    writeFileSync(join(target, name), bytes);
  }
}
