import { CLASS_NAMES } from '../../classes';
import * as tf from '../../engine/tf';
import type { LabelMap } from '../../data/types';
import type { Parameters } from '../../layers/core/parameters';
import { STYLE_SIZE } from '../../layers/style';

/** The name of the parameter that holds the scenes. */
export const STYLES = 'styles';

/** Scenes that are kept: the latest of training. */
const SCENES = 512;

/** Classes that count as one in a layout: a lake is painted in the light of a scene with as much sea, if there is none with a lake. */
const ALIKE = [
  ['mountain', 'hill'],
  ['water', 'sea', 'river', 'lake', 'waterfall'],
  ['earth', 'land', 'sand'],
  ['grass', 'field'],
  ['road', 'path'],
  ['building', 'house'],
  ['boat', 'ship'],
  ['bridge', 'pier'],
  ['fence', 'railing'],
];

/**
 * Styles to paint in: of scenes that the network was trained on the style (`styleOf`) and the layout, which is how much of the upper and of the lower
 * half each class covers. A label map gets the style of the scene that is laid out most like it, so that snow is not painted in the light of a beach.
 */
export class StyleBank {
  /** A row for each scene: style, shares of the upper half, of the lower half; of zeros where there is none yet. */
  private readonly rows: tf.Tensor2D & tf.Variable;

  constructor(
    p: Parameters,
    private readonly classes: number,
  ) {
    this.rows = p.table(STYLES, [SCENES, STYLE_SIZE + 2 * classes]);
  }

  /** What is kept of scenes, a row for each. */
  rowsOf(styles: readonly (readonly number[])[], maps: readonly LabelMap[]): Float32Array {
    const width = this.rows.shape[1];
    const rows = new Float32Array(styles.length * width);
    styles.forEach((style, i) => rows.set([...style, ...this.layout(maps[i])], i * width));
    return rows;
  }

  /** Keeps such rows in the place of the oldest; `seenBefore`: how many scenes there were before them, in all. */
  add(seenBefore: number, rows: Float32Array): void {
    const width = this.rows.shape[1];
    const values = Float32Array.from(this.rows.dataSync());
    for (let i = 0; i < rows.length / width; i++) values.set(rows.subarray(i * width, (i + 1) * width), ((seenBefore + i) % SCENES) * width);
    tf.tidy(() => this.rows.assign(tf.tensor2d(values, [SCENES, width])));
  }

  /** The number of the scene that is laid out most like the map; undefined where none is known. */
  near(map: LabelMap): number | undefined {
    const layout = this.grouped(this.layout(map));
    const distances = this.known().map((scene) =>
      this.grouped([...scene.subarray(STYLE_SIZE)]).reduce((sum, share, k) => sum + Math.abs(share - layout[k]), 0),
    );
    if (!distances.length) return undefined;
    return distances.indexOf(distances.reduce((least, d) => Math.min(least, d)));
  }

  /** The style of a scene; numbers beyond the last begin anew. Undefined where none is known. */
  style(scene: number): number[] | undefined {
    const scenes = this.known();
    return scenes.length ? [...scenes[scene % scenes.length].subarray(0, STYLE_SIZE)] : undefined;
  }

  private known(): Float32Array[] {
    const width = this.rows.shape[1];
    const values = this.rows.dataSync<'float32'>();
    const scenes = Array.from({ length: SCENES }, (_, i) => values.subarray(i * width, (i + 1) * width));
    return scenes.filter((scene) => scene.some((value, k) => k >= STYLE_SIZE && value > 0));
  }

  /** Of each class the share of the upper half, then of the lower one. */
  private layout({ data }: LabelMap): number[] {
    const shares = new Array<number>(2 * this.classes).fill(0);
    const middle = data.length / 2;
    // Of IGNORE there is no share.
    data.forEach((c, i) => {
      if (c < this.classes) shares[(i < middle ? 0 : this.classes) + c] += 1 / middle;
    });
    return shares;
  }

  /** The shares with those of classes that are alike at the first of them. */
  private grouped(shares: number[]): number[] {
    if (this.classes !== CLASS_NAMES.length) return shares;
    for (const half of [0, this.classes]) {
      for (const [first, ...others] of ALIKE_CLASSES) {
        for (const c of others) {
          shares[half + first] += shares[half + c];
          shares[half + c] = 0;
        }
      }
    }
    return shares;
  }
}

const ALIKE_CLASSES = ALIKE.map((names) => names.map((name) => (CLASS_NAMES as readonly string[]).indexOf(name)));
