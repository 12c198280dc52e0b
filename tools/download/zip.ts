import { inflateRawSync } from 'node:zlib';
import { crc32 } from '../../src/common/checksum';
import { DamagedFileError, UserError } from '../../src/common/errors';
import { FileSource } from '../../src/common/source';

/** One file of a zip archive. */
export interface ZipEntry {
  name: string;
  /** Bytes in the archive and after unpacking. */
  compressedSize: number;
  size: number;
  /** 0 stored, 8 deflate. */
  method: number;
  crc: number;
  /** Where the entry's local header starts. */
  headerOffset: number;
  /** Kind and permissions as Unix has them (0o120000 in the upper bits: a symbolic link); 0 where the archive does not say. */
  mode: number;
}

const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** A central directory larger than this is not one of ours (the full generator as .pth has 60 kB). */
const DIRECTORY_LIMIT = 64 << 20;

/**
 * Random access to a zip archive by its central directory, entry by entry, with zip64; entries are stored or deflated.
 * It is what `.npz` and PyTorch's `.pth` are made of. Nothing is ever written to disk. Every fault is a UserError that
 * names the file.
 */
export class ZipFile {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  private readonly source: FileSource;

  constructor(readonly file: string) {
    this.source = new FileSource(file);
    try {
      this.entries = this.readDirectory();
    } catch (e) {
      this.source.close();
      throw e;
    }
  }

  /** Bytes of the archive. */
  get length(): number {
    return this.source.length;
  }

  close(): void {
    this.source.close();
  }

  /** The entry's unpacked bytes, its size and checksum verified. `limit`: refuse to unpack more bytes than this. */
  read(name: string, limit = 2 ** 30): Buffer {
    const entry = this.entries.get(name);
    if (!entry) throw this.fault(`holds no entry '${name}'`);
    if (entry.size > limit) throw new UserError(`${this.file} unpacks '${name}' to ${entry.size} bytes, above the limit of ${limit}.`);
    const raw = this.bytes(this.dataOffset(entry), entry.compressedSize);
    let data = raw;
    if (entry.method === 8) {
      try {
        data = inflateRawSync(raw, { maxOutputLength: Math.max(1, entry.size) });
      } catch {
        throw this.fault(`has a damaged entry '${name}'`);
      }
    } else if (entry.method !== 0) throw this.fault(`packs '${name}' by method ${entry.method}; only stored and deflate are read`);
    if (data.length !== entry.size || crc32(data) !== entry.crc) throw this.fault(`has a damaged entry '${name}'`);
    return data;
  }

  /** Where the bytes of an entry start in the archive. */
  private dataOffset(entry: ZipEntry): number {
    const header = this.bytes(entry.headerOffset, 30);
    if (header.readUInt32LE(0) !== LOCAL) throw this.fault(`has a damaged entry '${entry.name}'`);
    return entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  }

  private bytes(position: number, length: number): Buffer {
    if (!(length >= 0) || position + length > this.source.length) throw this.fault('is truncated');
    const b = Buffer.allocUnsafe(length);
    this.source.read(position, b);
    return b;
  }

  private fault(what: string): UserError {
    return new DamagedFileError(this.file, what);
  }

  private readDirectory(): Map<string, ZipEntry> {
    // The end record is the last thing in the file, followed by a comment of at most 65535 bytes.
    const tail = this.bytes(Math.max(0, this.source.length - 65557), Math.min(this.source.length, 65557));
    let at = tail.length - 22;
    while (at >= 0 && tail.readUInt32LE(at) !== END) at--;
    if (at < 0) throw this.fault('is not a complete zip archive');
    let count = tail.readUInt16LE(at + 10);
    let size = tail.readUInt32LE(at + 12);
    let offset = tail.readUInt32LE(at + 16);
    if (at >= 20 && tail.readUInt32LE(at - 20) === END64_LOCATOR) {
      const end64 = this.bytes(Number(tail.readBigUInt64LE(at - 12)), 56);
      if (end64.readUInt32LE(0) !== END64) throw this.fault('has a damaged directory');
      count = Number(end64.readBigUInt64LE(32));
      size = Number(end64.readBigUInt64LE(40));
      offset = Number(end64.readBigUInt64LE(48));
    }
    if (size > DIRECTORY_LIMIT) throw this.fault('has a damaged directory');
    const directory = this.bytes(offset, size);
    const entries = new Map<string, ZipEntry>();
    let p = 0;
    for (let i = 0; i < count; i++) {
      if (p + 46 > size || directory.readUInt32LE(p) !== CENTRAL) throw this.fault('has a damaged directory');
      const nameLength = directory.readUInt16LE(p + 28);
      const extraLength = directory.readUInt16LE(p + 30);
      const next = p + 46 + nameLength + extraLength + directory.readUInt16LE(p + 32);
      if (next > size) throw this.fault('has a damaged directory');
      const entry: ZipEntry = {
        name: directory.toString('utf8', p + 46, p + 46 + nameLength),
        method: directory.readUInt16LE(p + 10),
        crc: directory.readUInt32LE(p + 16),
        compressedSize: directory.readUInt32LE(p + 20),
        size: directory.readUInt32LE(p + 24),
        headerOffset: directory.readUInt32LE(p + 42),
        mode: directory[p + 5] === 3 ? directory.readUInt16LE(p + 40) : 0,
      };
      if (directory.readUInt16LE(p + 8) & 1) throw this.fault(`has an encrypted entry '${entry.name}'`);
      this.readZip64(directory.subarray(p + 46 + nameLength, p + 46 + nameLength + extraLength), entry);
      if (entries.has(entry.name)) throw this.fault(`holds '${entry.name}' twice`);
      entries.set(entry.name, entry);
      p = next;
    }
    return entries;
  }

  /** Values that do not fit into 32 bits are all ones there and stand in extra field 1, in this order. */
  private readZip64(extra: Buffer, entry: ZipEntry): void {
    for (let p = 0; p + 4 <= extra.length; ) {
      const length = extra.readUInt16LE(p + 2);
      if (extra.readUInt16LE(p) === 1) {
        const field = extra.subarray(p + 4, p + 4 + length);
        let at = 0;
        for (const key of ['size', 'compressedSize', 'headerOffset'] as const) {
          if (entry[key] !== 0xffffffff) continue;
          if (at + 8 > field.length) throw this.fault(`has a damaged entry '${entry.name}'`);
          entry[key] = Number(field.readBigUInt64LE(at));
          at += 8;
        }
      }
      p += 4 + length;
    }
  }
}
