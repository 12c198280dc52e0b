import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from './errors';
import { DamagedFileError } from './errors';

/** Bytes that can be read at any position. */
export interface ByteSource {
  /** For messages. */
  readonly file: string;
  readonly length: number;
  /** Fills `target` from `position` on; throws a DamagedFileError where the source ends before. */
  read(position: number, target: Uint8Array): void;
}

/** A file as a source; only what is asked for is read. */
export class FileSource implements ByteSource {
  readonly length: number;
  private readonly fd: number;

  constructor(readonly file: string) {
    this.fd = openForReading(file);
    const stat = fstatSync(this.fd);
    this.length = stat.size;
    if (!stat.isFile()) {
      closeSync(this.fd);
      throw new UserError(`${file} is not a file.`);
    }
  }

  read(position: number, target: Uint8Array): void {
    if (position < 0 || position + target.length > this.length) throw new DamagedFileError(this.file, 'is truncated');
    for (let done = 0; done < target.length; ) {
      const n = readSync(this.fd, target, done, Math.min(target.length - done, 1 << 30), position + done);
      if (n === 0) throw new DamagedFileError(this.file, 'is truncated');
      done += n;
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Opens a file, with a sentence where that fails. */
export function openForReading(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new UserError(`There is no file ${file}.`, { cause: e });
    if (code === 'EACCES' || code === 'EPERM') throw new UserError(`${file} may not be read: change its permissions.`, { cause: e });
    throw e;
  }
}

/** Bytes in memory as a source. */
export class BufferSource implements ByteSource {
  readonly length: number;

  constructor(
    readonly file: string,
    private readonly bytes: Uint8Array,
  ) {
    this.length = bytes.length;
  }

  read(position: number, target: Uint8Array): void {
    if (position < 0 || position + target.length > this.length) throw new DamagedFileError(this.file, 'is truncated');
    target.set(this.bytes.subarray(position, position + target.length));
  }
}
