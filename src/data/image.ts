/** Reading and writing pictures and label maps. */
import sharp, { type Sharp } from 'sharp';
import { UserError } from '../common/errors';
import { readBytes } from '../common/files';
import { paletteAsGrey, pngHeader } from './png_indices';
import type { LabelMap, RgbImage } from './types';
import { writeWhole } from '../common/atomic';

/** A picture with more pixels is refused: decoded it would fill 300 MB, and a file of some kilobytes can say that it has billions. */
export const MAX_PIXELS = 1e8;

export interface ReadOptions {
  /** Turns the picture upright as its EXIF orientation says. Pillow, and so the original, does not. Default true. */
  orient?: boolean;
}

/**
 * Reads a picture (JPEG, PNG, WebP, TIFF) as 8-bit RGB. Grey is repeated, a palette expanded, transparency dropped, 16 bits keep the
 * upper 8. Embedded colour profiles are ignored, as Pillow does, so that RGB and grey pixels equal Pillow's to the last bit (both decode
 * JPEG by libjpeg's integer method); CMYK goes through the library's built-in print profile, where Pillow takes a plain formula.
 * Throws a UserError that names the file: no file, zero bytes, truncated, none of these kinds, above MAX_PIXELS.
 */
export function readImage(file: string, options: ReadOptions = {}): Promise<RgbImage> {
  return decodeImage(readBytesLater(file), file, options);
}

/** The same from memory; `name` stands in messages. */
export async function decodeImage(bytes: Buffer | Promise<Buffer>, name: string, { orient = true }: ReadOptions = {}): Promise<RgbImage> {
  const content = await bytes;
  // The library would take more, drawings and documents among them, whose decoding can run for ever.
  if (!kindOf(content)) {
    throw new UserError(`${name}: this is not an image (JPEG, PNG, WebP or TIFF), or its beginning is damaged; fetch or write it again.`);
  }
  const { data, info } = await decode(content, name, (image) =>
    (orient ? image.autoOrient() : image).removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' }),
  );
  return { data: plain(data), height: info.height, width: info.width };
}

/** Whether the EXIF orientation of a picture's bytes turns or mirrors it. */
export async function isTurned(bytes: Buffer): Promise<boolean> {
  return ((await sharp(bytes).metadata()).orientation ?? 1) > 1;
}

/** How JPEG, PNG, WebP and TIFF begin. */
const KINDS: [string, RegExp][] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG\r\n\x1a\n/],
  ['WEBP', /^RIFF....WEBP/s],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
];
const kindOf = (bytes: Buffer) => KINDS.find(([, start]) => start.test(bytes.toString('latin1', 0, 12)))?.[0];

/** Sample values of a one-channel picture. 16-bit ones stand in a Uint16Array. */
export interface RawLabels {
  data: Uint8Array | Uint16Array;
  height: number;
  width: number;
}

/**
 * The values of a label map as they stand in the PNG: grey samples of 8 or 16 bits, or a palette's indices (not its colours), as Pillow
 * gives them in modes L, I;16 and P. Grey samples of 1, 2 and 4 bits are widened to 0..255, as PNG defines and Pillow does. A second
 * channel (transparency) is ignored, and of three equal ones the first is taken.
 * Throws a UserError that names the file: not a PNG, or one of colours (which needs a colour mapping, see `readLabelMap`).
 */
export async function readLabelValues(file: string): Promise<RawLabels> {
  const bytes = readBytes(file);
  const header = pngHeader(bytes);
  if (!header) refuseOther(bytes, file);
  const { bitDepth, colourType } = header;
  if ((colourType === 2 || colourType === 6) && !(await isGreyInside(bytes, file))) {
    throw new UserError(`${file}: this label map holds colours, not class values; give a mapping file that says which colour is which class.`);
  }
  const wide = bitDepth === 16;
  const { data, info } = await decode(paletteAsGrey(bytes), file, (image) =>
    image
      .extractChannel(0)
      .toColourspace(wide ? 'grey16' : 'b-w')
      .raw({ depth: wide ? 'ushort' : 'uchar' }),
  );
  const { height, width } = info;
  if (wide) return { data: new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)), height, width };
  if (colourType === 3 && bitDepth < 8) {
    const factor = 255 / ((1 << bitDepth) - 1);
    for (let i = 0; i < data.length; i++) data[i] /= factor;
  }
  return { data: plain(data), height, width };
}

/** Whether red, green and blue are the same everywhere: a label map that some program saved as colours. */
async function isGreyInside(bytes: Buffer, file: string): Promise<boolean> {
  const { data, info } = await decode(bytes, file, (image) => image.removeAlpha().raw({ depth: 'ushort' }));
  const values = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  for (let i = 0; i < values.length; i += info.channels) {
    if (values[i] !== values[i + 1] || values[i] !== values[i + 2]) return false;
  }
  return true;
}

/** A label map must be a PNG; says what else the file is. */
function refuseOther(bytes: Buffer, file: string): never {
  const kind = kindOf(bytes);
  // A PNG that is too short for its own header counts as damaged.
  if (!kind || kind === 'PNG') throw new UserError(`${file}: this is not an image, or its beginning is damaged; fetch or write it again.`);
  throw new UserError(`${file}: a label map has to be a PNG, and this is ${kind}; save it as an 8-bit PNG.`);
}

async function decode(bytes: Buffer, name: string, pipeline: (image: Sharp) => Sharp) {
  try {
    const options = { failOn: 'error', ignoreIcc: true, limitInputPixels: MAX_PIXELS } as const;
    return await pipeline(sharp(bytes, options)).toBuffer({ resolveWithObject: true });
  } catch (e) {
    const reason = (e as Error).message.trim().split('\n')[0];
    if (/exceeds pixel limit/.test(reason)) {
      throw new UserError(`${name}: the picture has more than ${MAX_PIXELS / 1e6} million pixels; scale it down, or fetch it again.`, { cause: e });
    }
    const text = /unsupported image format/.test(reason)
      ? 'this is not an image, or its beginning is damaged'
      : `the image is truncated or damaged (${reason})`;
    throw new UserError(`${name}: ${text}; fetch or write it again.`, { cause: e });
  }
}

/** A Buffer's `slice` shares memory where a Uint8Array's copies: hand out none. */
const plain = (b: Buffer) => new Uint8Array(b.buffer, b.byteOffset, b.byteLength);

/** Turns an error of reading into a rejected promise. */
async function readBytesLater(file: string): Promise<Buffer> {
  return readBytes(file);
}

// The JFIF header that libjpeg writes by default (version 1.1, no unit, density 1:1); the library strips it.
const JFIF = Buffer.from('ffe000104a46494600010100000100010000', 'hex');

export interface JpegOptions {
  /** 1..100. Default 75, Pillow's. */
  quality?: number;
}

/**
 * A picture as JPEG, byte for byte what Pillow's `save` writes with its default settings: baseline, 4:2:0, standard Huffman tables, no
 * metadata. This rests on both using libjpeg-turbo's integer transform and colour conversion, which are exact on every CPU; it holds for
 * the sharp release that this project pins, and Pillow 13 with libjpeg-turbo 3.1 to 3.2.
 */
export async function encodeJpeg(image: RgbImage, { quality = 75 }: JpegOptions = {}): Promise<Buffer> {
  const bytes = await fromRaw(image).jpeg({ quality, chromaSubsampling: '4:2:0', optimiseCoding: false, progressive: false }).toBuffer();
  return Buffer.concat([bytes.subarray(0, 2), JFIF, bytes.subarray(2)]);
}

/** What a JPEG file of the picture gives back. */
export const throughJpeg = async (image: RgbImage): Promise<RgbImage> => decodeImage(await encodeJpeg(image), 'JPEG');

/** Writes a picture as Pillow's `save('x.jpg')` does; whole or not at all. See `encodeJpeg`. */
export async function writeJpeg(file: string, image: RgbImage, options?: JpegOptions): Promise<void> {
  await writeWhole(file, await encodeJpeg(image, options));
}

/** A picture as 8-bit RGB PNG, or a label map as 8-bit grey PNG of its values. */
export function encodePng(image: RgbImage | LabelMap): Promise<Buffer> {
  const grey = image.data.length === image.height * image.width;
  const raw = fromRaw(image);
  return (grey ? raw.toColourspace('b-w') : raw).png({ compressionLevel: 9 }).toBuffer();
}

/** Writes a picture (RGB) or a label map (8-bit grey) as PNG; whole or not at all. */
export async function writePng(file: string, image: RgbImage | LabelMap): Promise<void> {
  await writeWhole(file, await encodePng(image));
}

/** A picture or label map for the image library. */
export function fromRaw({ data, height, width }: RgbImage | LabelMap): Sharp {
  const channels = data.length / (height * width);
  if (channels !== 1 && channels !== 3) {
    throw new RangeError(`${data.length} bytes are neither an RGB image nor a label map of ${width}x${height}`);
  }
  return sharp(data, { raw: { width, height, channels } });
}
