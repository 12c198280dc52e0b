/** Pictures in memory: cropping and resizing as figures need it, and PNG bytes. */
import sharp from 'sharp';
import { cropBytes } from '../data/batches';
import type { RgbImage } from '../data/types';

/** A box in pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const raw = (image: RgbImage) => sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } });

/**
 * Enlarges or shrinks by repeating or leaving out pixels (source index floor(i * in / out)), so that no colour arises
 * that was not there.
 */
export function resizeNearest(image: RgbImage, width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  const columns = Uint32Array.from({ length: width }, (_, x) => 3 * Math.floor((x * image.width) / width));
  for (let y = 0, o = 0; y < height; y++) {
    const row = Math.floor((y * image.height) / height) * image.width * 3;
    for (let x = 0; x < width; x++, o += 3) {
      const i = row + columns[x];
      data[o] = image.data[i];
      data[o + 1] = image.data[i + 1];
      data[o + 2] = image.data[i + 2];
    }
  }
  return { data, width, height };
}

/**
 * A picture at the size it is shown in. Enlarging repeats pixels, so that a small picture is seen as it is; shrinking
 * filters (Lanczos 3) unless `exact`, which label maps need.
 */
export async function resizeForDisplay(
  image: RgbImage,
  width: number,
  height: number,
  exact = false,
): Promise<RgbImage> {
  if (width === image.width && height === image.height) return image;
  if (exact || (width >= image.width && height >= image.height)) return resizeNearest(image, width, height);
  const data = await raw(image).resize(width, height, { fit: 'fill', kernel: 'lanczos3' }).raw().toBuffer();
  return { data, width, height };
}

/** The part of a picture inside a box. Throws a RangeError where the box leaves the picture. */
export function crop(image: RgbImage, { x, y, width, height }: Box): RgbImage {
  return { data: cropBytes(image.data, image, 3, x, y, width, height), width, height };
}

/** A picture as PNG. */
export function encodePng(image: RgbImage): Promise<Buffer> {
  return raw(image).png({ compressionLevel: 9 }).toBuffer();
}

/** Reads an encoded picture (PNG, JPEG) from memory, without its transparency. */
export async function decodeImage(bytes: Uint8Array): Promise<RgbImage> {
  const { data, info } = await sharp(bytes)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
