import { resizeImage } from '../../src/data/resize';
import type { RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { OnnxNetwork } from './onnx';
import { WEIGHTS } from './weights';

const SIDE = 224;

/**
 * NIMA (Talebi and Milanfar 2018) on MobileNet: how people would rate a photograph from 1 to 10, learnt from the ratings of AVA. Images
 * are brought to 224x224 by the nearest pixel, as idealo's implementation does, whatever their shape.
 */
export class Nima {
  private constructor(private readonly network: OnnxNetwork) {}

  /** Loads `nima_mobilenet.onnx`. @throws UserError as `OnnxNetwork.load` does */
  static async load(file: string, options?: { unlisted?: boolean }): Promise<Nima> {
    return new Nima(await OnnxNetwork.load('aesthetic', file, options));
  }

  /** Network, training set and file, for tables. */
  get name(): string {
    return `${WEIGHTS.aesthetic.title}; ${this.network.source}`;
  }

  /** The mean of the predicted distribution of ratings, 1..10. */
  async score(image: RgbImage): Promise<number> {
    const { data } = resizeImage(image, [SIDE, SIDE], 'nearest');
    const output = await this.network.run('float32', Float32Array.from(data), [1, SIDE, SIDE, 3]);
    const distribution = [...(output.data as Float32Array)];
    const sum = distribution.reduce((a, b) => a + b, 0);
    if (distribution.length !== 10 || !(Math.abs(sum - 1) < 1e-3))
      throw new UserError(`${this.name}: it gives no distribution over ten ratings; this is another network.`);
    return distribution.reduce((mean, p, i) => mean + p * (i + 1), 0);
  }

  async dispose(): Promise<void> {
    await this.network.dispose();
  }
}
