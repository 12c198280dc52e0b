/**
 * Palette indices of a PNG. Image libraries expand a palette to its colours, but the label map is the indices (what Pillow gives in mode
 * P). A palette image and a grey one differ in PNG only in the header's colour type and in the chunks PLTE and tRNS, so we relabel the
 * header, drop these chunks, and leave the decoding (filters, interlacing, checksums) to the library.
 */
import { crc32 } from '../common/checksum';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREY = 0;
const PALETTE = 3;

export interface PngHeader {
  bitDepth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  colourType: number;
  width: number;
  height: number;
}

/** Bit depth, colour type and size of a PNG; undefined for other bytes. */
export function pngHeader(bytes: Uint8Array): PngHeader | undefined {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (b.length < 33 || !b.subarray(0, 8).equals(SIGNATURE) || b.toString('latin1', 12, 16) !== 'IHDR') return undefined;
  return { bitDepth: b[24], colourType: b[25], width: b.readUInt32BE(16), height: b.readUInt32BE(20) };
}

/**
 * The same PNG as a grey one whose samples are the palette's indices. A decoder widens samples of less than 8 bits by the factor
 * 255 / (2^bits - 1), which the caller divides out. Anything but a palette PNG comes back as it is.
 */
export function paletteAsGrey(bytes: Buffer): Buffer {
  if (pngHeader(bytes)?.colourType !== PALETTE) return bytes;
  const kept: Buffer[] = [SIGNATURE];
  let at = 8;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IHDR') {
      const header = Buffer.from(bytes.subarray(at, end));
      header[8 + 9] = GREY;
      header.writeUInt32BE(crc32(header.subarray(4, 8 + 13)), 8 + 13);
      kept.push(header);
    } else if (type !== 'PLTE' && type !== 'tRNS' && type !== 'bKGD' && type !== 'hIST') {
      kept.push(bytes.subarray(at, end));
    }
    at = end;
  }
  // A truncated chunk stays truncated, for the decoder to find.
  if (at < bytes.length) kept.push(bytes.subarray(at));
  return Buffer.concat(kept);
}
