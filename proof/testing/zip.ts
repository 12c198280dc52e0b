import { deflateRawSync } from 'node:zlib';
import { crc32 } from '../../src/common/checksum';

/** A file for an archive; `over` replaces what its headers say, to make a lying one. */
export interface ZipContent {
  name: string;
  data: Uint8Array;
  deflate?: boolean;
  /** Unix mode in the upper half of the external attributes: 0o120777 is a symbolic link. */
  mode?: number;
  over?: { size?: number; compressedSize?: number; crc?: number; method?: number; flags?: number };
}

/** A zip archive for tests, honest or not. */
export function zip(files: readonly ZipContent[], comment = ''): Buffer {
  const [local, central]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, data, deflate = false, mode = 0o100644, over = {} } of files) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const nameBytes = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(over.flags ?? 0x800, 2);
    common.writeUInt16LE(over.method ?? (deflate ? 8 : 0), 4);
    common.writeUInt32LE(over.crc ?? crc32(data), 10);
    common.writeUInt32LE(over.compressedSize ?? packed.length, 14);
    common.writeUInt32LE(over.size ?? data.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    local.push(Buffer.from('PK\x03\x04'), common, nameBytes, packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((mode << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, rest, nameBytes);
    offset += 30 + nameBytes.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(Buffer.byteLength(comment), 20);
  return Buffer.concat([...local, directory, end, Buffer.from(comment)]);
}
