/** Files from the network or another folder: resumed, checked, and there whole or not at all. */
import { chmod, copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { explain } from '../../src/common/atomic';
import { sha256Of } from '../../src/common/checksum';
import { UserError } from '../../src/common/errors';

/** What a file has to be. */
export interface Expected {
  /** Hexadecimal; a beginning of at least 8 digits is compared as such. */
  sha256?: string;
  /** Bytes. */
  size?: number;
}

export interface FetchOptions extends Expected {
  /** Bytes that are there, and in all (0 where the server does not say). */
  onProgress?(done: number, total: number): void;
  /** Milliseconds without a byte after which the connection counts as dead. Default 30 000. */
  stallMs?: number;
  /** How often a broken connection is taken up again. Default 4. */
  retries?: number;
  /** Milliseconds before the first further try, doubled each time. Default 1000. */
  retryDelayMs?: number;
  /** Stops; what has come stays for the next call. */
  signal?: AbortSignal;
}

export interface Fetched {
  file: string;
  bytes: number;
  sha256: string;
  /** False where the file was there already. */
  changed: boolean;
}

/** A failure that another try may mend. */
class Passing extends Error {}

/**
 * Downloads `url` to `file`, following redirects. What has come lies in `FILE.download`; a broken transfer, also that of an earlier
 * process, is taken up there with a range request, as long as the server says that the file is the same (its ETag or date). Size and
 * checksum are compared before the file gets its name; a file that differs is removed.
 * A file that is there and has the expected checksum is left as it is.
 * @throws UserError that names the address: not found, not reachable, another size or checksum, no space on the disk
 */
export async function fetchFile(url: string, file: string, options: FetchOptions = {}): Promise<Fetched> {
  const present = await verified(file, options);
  if (present) return { ...present, changed: false };
  const { retries = 4, retryDelayMs = 1000, signal } = options;
  const part = `${file}.download`;
  try {
    await mkdir(dirname(file), { recursive: true });
    for (let attempt = 0; ; attempt++) {
      try {
        await transfer(url, part, options);
        break;
      } catch (e) {
        if (!(e instanceof Passing)) throw e;
        if (signal?.aborted) throw new UserError(`${url}: stopped; the same command goes on with ${part}.`, { cause: e });
        if (attempt >= retries) {
          throw new UserError(`${url}: ${e.message}; check the connection, then start again: what has come is kept.`, { cause: e });
        }
        await wait(retryDelayMs * 2 ** attempt, undefined, { signal }).catch(() => undefined);
      }
    }
  } catch (e) {
    throw explain(e, file);
  }
  return settle(part, file, options, url);
}

/** Copies a local file, with the same checks as `fetchFile`. */
export async function copyChecked(source: string, file: string, expected: Expected = {}): Promise<Fetched> {
  const present = await verified(file, expected);
  if (present) return { ...present, changed: false };
  const part = `${file}.download`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await copyFile(source, part);
    // A copy of a read-only file would be read-only.
    await chmod(part, 0o644);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') throw new UserError(`${source}: there is no such file.`, { cause: e });
    throw explain(e, file);
  }
  return settle(part, file, expected, source);
}

/**
 * Refuses a file whose size or checksum differs from what it should be.
 * @throws UserError naming `what`
 */
export async function checkFile(file: string, { sha256, size }: Expected, what = file): Promise<{ file: string; bytes: number; sha256: string }> {
  const bytes = (await stat(file)).size;
  if (size !== undefined && bytes !== size) throw new UserError(`${what}: it has ${bytes} bytes instead of ${size}; it is another file, or damaged.`);
  const sum = await sha256Of(file);
  if (sha256 !== undefined && !sum.startsWith(sha256.toLowerCase())) {
    throw new UserError(`${what}: its checksum is ${sum.slice(0, 12)}... instead of ${sha256.slice(0, 12)}...; it is another file, or damaged.`);
  }
  return { file, bytes, sha256: sum };
}

/** The file if it is there and is known to be the right one. */
async function verified(file: string, expected: Expected) {
  if (expected.sha256 === undefined) return undefined;
  const there = await stat(file).catch(() => undefined);
  return there?.isFile() ? checkFile(file, expected).catch(() => undefined) : undefined;
}

/** Checks what has come and gives it its name, or removes it. */
async function settle(part: string, file: string, expected: Expected, source: string): Promise<Fetched> {
  try {
    const checked = await checkFile(part, expected, source);
    await rename(part, file);
    return { ...checked, file, changed: true };
  } catch (e) {
    await rm(part, { force: true });
    throw explain(e, file);
  } finally {
    await rm(`${part}.json`, { force: true });
  }
}

/** What identifies the server's file, kept beside the part. */
interface Origin {
  url: string;
  /** ETag (a strong one) or Last-Modified. */
  version: string;
}

/** One connection: appends to the part what it lacks. */
async function transfer(url: string, part: string, { size, onProgress, stallMs = 30_000, signal }: FetchOptions): Promise<void> {
  let begin = (await stat(part).catch(() => undefined))?.size ?? 0;
  const origin = await readFile(`${part}.json`, 'utf8')
    .then((text) => JSON.parse(text) as Origin)
    .catch(() => undefined);
  // Without a version the rest may be that of another file.
  if (begin && (origin?.url !== url || !origin.version)) begin = 0;
  if (begin && begin === size) return;

  const controller = new AbortController();
  const stop = () => controller.abort(new Passing('stopped'));
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  let timer: NodeJS.Timeout | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Passing(`no byte came for ${stallMs / 1000} s`)), stallMs);
  };
  alive();
  try {
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (begin) Object.assign(headers, { range: `bytes=${begin}-`, 'if-range': origin!.version });
    const response = await fetch(url, { headers, signal: controller.signal, redirect: 'follow' });
    if (response.status === 416) {
      await rm(part, { force: true });
      throw new Passing('the part that was here does not fit the file');
    }
    if (!response.ok || !response.body) refuse(url, response.status);
    if (response.status !== 206) begin = 0;
    const total = begin + Number(response.headers.get('content-length') ?? 0);
    const announced = response.headers.has('content-length') ? total : undefined;
    if (size !== undefined && announced !== undefined && announced !== size) {
      throw new UserError(`${url}: the file there has ${announced} bytes instead of ${size}; it is another one.`);
    }
    const etag = response.headers.get('etag');
    const version = etag && !etag.startsWith('W/') ? etag : (response.headers.get('last-modified') ?? '');
    await writeFile(`${part}.json`, JSON.stringify({ url, version } satisfies Origin));
    let done = begin;
    const out = await open(part, begin ? 'a' : 'w');
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        alive();
        await out.writeFile(chunk);
        done += chunk.length;
        onProgress?.(done, size ?? announced ?? 0);
      }
    } finally {
      await out.close();
    }
    if (announced !== undefined && done < announced) throw new Passing(`the connection ended after ${done} of ${announced} bytes`);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (e instanceof UserError || e instanceof Passing || code === 'ENOSPC' || code === 'EDQUOT' || code === 'EACCES') throw e;
    const reason = controller.signal.aborted ? (controller.signal.reason as Error) : (e as Error);
    if (reason instanceof Passing) throw reason;
    const cause = (reason.cause as Error | undefined)?.message;
    throw new Passing(`the connection failed (${cause ?? reason.message})`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    // Leaves no socket open, for instance after a refused size.
    controller.abort();
  }
}

function refuse(url: string, status: number): never {
  if (status >= 500 || status === 429 || status === 408) throw new Passing(`the server answered ${status}`);
  const meanings: Record<number, string> = {
    401: 'access is denied',
    403: 'access is denied',
    404: 'there is no such file',
    410: 'there is no such file any more',
  };
  const meaning = meanings[status] ?? 'the server refuses';
  throw new UserError(`${url}: ${meaning} (${status}); fetch the file by hand, or give another address.`);
}
