import * as tf from '../../engine/tf';
import type { LabelMap } from '../../data/types';
import type { Parameters } from '../../layers/core/parameters';
import { STYLE_SIZE } from '../../layers/style';

/** The name of the parameter that holds them. */
export const STYLES = 'styles';

/** Scenes that are kept: the latest of training. */
const SCENES = 512;

/** How many of them, those most alike, a seed chooses from. */
export const NEAREST_SCENES = 8;

/**
 * Styles to paint in: of scenes that the network was trained on, the style (`styleOf`) and the layout, which is how much of the upper and of the lower
 * half each class covers. A label map gets the style of a scene that is laid out like it, so that snow is not painted in the light of a beach.
 */
export class StyleBank {
  /** A row for each scene; of zeros where there is none yet. */
  private readonly rows: tf.Tensor2D & tf.Variable;

  constructor(
    p: Parameters,
    private readonly classes: number,
  ) {
    this.rows = p.table(STYLES, [SCENES, STYLE_SIZE + 2 * classes]);
  }

  /** Keeps scenes of training in the place of the oldest; `before`: how many were added in all. */
  add(before: number, styles: readonly (readonly number[])[], maps: readonly LabelMap[]): void {
    const width = this.rows.shape[1];
    const values = Float32Array.from(this.rows.dataSync());
    styles.forEach((style, i) => values.set([...style, ...this.layout(maps[i])], ((before + i) % SCENES) * width));
    tf.tidy(() => this.rows.assign(tf.tensor2d(values, [SCENES, width])));
  }

  /** The style of one of the scenes laid out most like the map: the one most alike for seed 0, the next for 1, ... `NEAREST_SCENES` in all. Undefined where no scene is known. */
  near(map: LabelMap, seed: number): number[] | undefined {
    const width = this.rows.shape[1];
    const values = this.rows.dataSync();
    const layout = this.layout(map);
    const scenes: { at: number; distance: number }[] = [];
    for (let at = 0; at < values.length; at += width) {
      let [distance, share] = [0, 0];
      for (let k = 0; k < layout.length; k++) {
        const theirs = values[at + STYLE_SIZE + k];
        distance += Math.abs(theirs - layout[k]);
        share += theirs;
      }
      if (share > 0) scenes.push({ at, distance });
    }
    if (!scenes.length) return undefined;
    scenes.sort((a, b) => a.distance - b.distance);
    const { at } = scenes[seed % Math.min(NEAREST_SCENES, scenes.length)];
    return [...values.subarray(at, at + STYLE_SIZE)];
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
}
