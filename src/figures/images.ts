/** Pictures resized as figures show them. */
import { fromRaw } from '../data/image';
import { resizeCorner } from '../data/resize';
import type { RgbImage } from '../data/types';

/**
 * Enlarges or shrinks by repeating or leaving out pixels (source index floor(i * in / out)), so that no colour arises
 * that was not there.
 */
export function resizeNearest(image: RgbImage, width: number, height: number): RgbImage {
  return resizeCorner(image, [height, width]);
}

/**
 * A picture at the size it is shown in. Enlarging repeats pixels, so that a small picture is seen as it is; shrinking
 * filters (Lanczos 3) unless `exact`, which label maps need.
 */
export async function resizeForDisplay(image: RgbImage, width: number, height: number, exact = false): Promise<RgbImage> {
  if (width === image.width && height === image.height) return image;
  if (exact || (width >= image.width && height >= image.height)) return resizeNearest(image, width, height);
  const data = await fromRaw(image).resize(width, height, { fit: 'fill', kernel: 'lanczos3' }).raw().toBuffer();
  return { data, width, height };
}
