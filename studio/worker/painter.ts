/** The networks at work: from a sketch to pictures. */
import { CLASS_NAMES } from '../../src/classes';
import { UserError } from '../../src/common/errors';
import { resizeLabels } from '../../src/data/resize';
import { imageFromTensor, mapsFromTensor } from '../../src/data/tensors';
import type { LabelMap, RgbImage } from '../../src/data/types';
import { heatMap } from '../../src/figures/colours';
import { explorerContent, rounded } from '../explorer/content';
import { predictedPlanes } from '../explorer/planes';
import type { Generator, PaintOptions } from '../../src/models/lggan/generator';
import type { LGGANOutput } from '../../src/models/lggan/lggan';
import type { RCAN } from '../../src/models/rcan';
import type { Drawing, Picture, Sketch, View } from './messages';
import * as tf from '../../src/engine/tf';

/** Steps of the explorer's kernels: what it has where a page may be large. */
const LEVELS = 255;

export class Painter {
  private last?: { sketch: Sketch; image: RgbImage };

  constructor(
    private readonly generator: Generator,
    private readonly rcan: () => Promise<RCAN>,
  ) {}

  /** The number of the scene of training that is laid out most like a sketch: a seed to begin with. Undefined for a network without a style. */
  near(sketch: Drawing): number | undefined {
    return this.generator.styles?.near(mapOf(sketch));
  }

  /** All pictures of a sketch: the painting first, then what it is made of. */
  async paint(sketch: Sketch): Promise<View[]> {
    const output = this.generator.generate(mapOf(sketch), this.optionsOf(sketch));
    try {
      const image = await imageFromTensor(output.final);
      const views: View[] = [view('painting', 'Painting', image)];
      if (output.weights && output.global && output.local) {
        views.push(view('global', 'Global branch', await imageFromTensor(output.global)));
        views.push(view('local', 'Local branch', await imageFromTensor(output.local)));
        const [[local, global]] = await mapsFromTensor(output.weights);
        views.push(view('global weight', 'Weight of the global branch', heatMap(global)));
        views.push(view('local weight', 'Weight of the local branch', heatMap(local)));
      }
      for (const [c, tensor] of Object.entries(output.perClass ?? {})) {
        views.push({ ...view(`class ${c}`, CLASS_NAMES[Number(c)], await imageFromTensor(tensor)), class: Number(c) });
      }
      this.last = { sketch, image };
      return views;
    } finally {
      tf.dispose(output);
    }
  }

  /** The last painting, twice as large. */
  async enlarge(): Promise<Picture> {
    return rgba(await (await this.rcan()).upscale(this.painted().image));
  }

  /** What the explorer's page shows of the last painting: its description, and its planes as it unpacks them. */
  async explain(x: number, y: number): Promise<{ description: object; planes: string }> {
    const { sketch } = this.painted();
    const output = this.generator.generate(mapOf(sketch), { attention: true, ...this.optionsOf(sketch) });
    try {
      if (!output.attention?.weights.length) throw new UserError('This network has no semantic-aware upsampling to look into.');
      const [, height, width] = output.final.shape;
      const start = { x: Math.min(width - 1, Math.floor(x * width)), y: Math.min(height - 1, Math.floor(y * height)) };
      const content = await explorerContent(output as LGGANOutput, resizeLabels(mapOf(sketch), [height, width]), { start });
      const { description, planes } = rounded(content, LEVELS);
      return { description, planes: await deflated(predictedPlanes(planes)) };
    } finally {
      tf.dispose(output);
    }
  }

  /** The seed chooses the noise, and the scene that lends its style where no photo does. */
  private optionsOf({ seed, style }: Sketch): PaintOptions {
    if (!this.generator.styles) return { noiseSeed: seed };
    return { noiseSeed: seed, ...(style ? { style: rgb(style) } : { scene: seed }) };
  }

  private painted() {
    if (!this.last) throw new UserError('Nothing is painted yet.');
    return this.last;
  }
}

const mapOf = ({ labels, height, width }: Drawing): LabelMap => ({ data: labels, height, width });
const view = (name: string, title: string, image: RgbImage): View => ({ name, title, picture: rgba(image) });

function rgba({ data, height, width }: RgbImage): Picture {
  const out = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0, o = 0; i < data.length; i += 3, o += 4) {
    out[o] = data[i];
    out[o + 1] = data[i + 1];
    out[o + 2] = data[i + 2];
  }
  return { data: out, height, width };
}

function rgb({ data, height, width }: Picture): RgbImage {
  return { data: Uint8Array.from({ length: 3 * height * width }, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)]), height, width };
}

/** Base64 of a deflate stream, as the explorer's page takes it. */
async function deflated(bytes: Uint8Array): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = '';
  for (let i = 0; i < packed.length; i += 8192) text += String.fromCharCode(...packed.subarray(i, i + 8192));
  return btoa(text);
}
