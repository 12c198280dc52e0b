import type { RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { OnnxNetwork } from './onnx';
import { WEIGHTS } from './weights';

/** EDSR x2 (Lim et al. 2017) with 5 blocks of 64 channels, trained by others: a peer beside RCAN, which has grown out of it. */
export class Edsr {
  private constructor(private readonly network: OnnxNetwork) {}

  /** Loads `edsr_f64b5_x2.onnx`. @throws UserError as `OnnxNetwork.load` does */
  static async load(file: string, options?: { unlisted?: boolean }): Promise<Edsr> {
    return new Edsr(await OnnxNetwork.load('edsr', file, options));
  }

  /** Network and file, for tables. */
  get name(): string {
    return `${WEIGHTS.edsr.title}; ${this.network.source}`;
  }

  /** An image of twice the size. */
  async upscale({ data, height, width }: RgbImage): Promise<RgbImage> {
    const output = await this.network.run('float32', Float32Array.from(data), [1, height, width, 3]);
    if (`${output.dims}` !== `${[1, 2 * height, 2 * width, 3]}`) throw new UserError(`${this.name}: it does not double the size; this is another network.`);
    // Uint8ClampedArray rounds and clamps.
    const pixels = Uint8ClampedArray.from(output.data as Float32Array);
    return { data: new Uint8Array(pixels.buffer), height: 2 * height, width: 2 * width };
  }

  async dispose(): Promise<void> {
    await this.network.dispose();
  }
}
