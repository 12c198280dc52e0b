import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { predictedPlanes, type BytePlane } from './planes';

/** Planes in base64 of a deflate stream. */
export async function packPlanes(planes: readonly BytePlane[]): Promise<string> {
  const packed = await promisify(deflate)(predictedPlanes(planes), { level: 9 });
  return packed.toString('base64');
}
