import * as tf from '../../engine/tf';
import type { LabelMap } from '../../data/types';
import type { Parameters } from '../../layers/core/parameters';
import { STYLE_SIZE } from '../../layers/style';

/** The name of the parameter that holds them. */
export const STYLES = 'styles';

/** Scenes that are kept: the latest of training. */
const SCENES = 512;

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

  /** The style of the scene that is laid out most like the map; undefined where no scene is known. */
  near(map: LabelMap): number[] | undefined {
    const layout = this.layout(map);
    const distance = (scene: Float32Array) => layout.reduce((sum, share, k) => sum + Math.abs(scene[STYLE_SIZE + k] - share), 0);
    const distances = this.known().map((scene) => ({ scene, distance: distance(scene) }));
    const nearest = distances.reduce<(typeof distances)[number] | undefined>((best, d) => (best && best.distance <= d.distance ? best : d), undefined);
    return nearest && [...nearest.scene.subarray(0, STYLE_SIZE)];
  }

  /** The style of one of all scenes, whatever its layout; undefined where no scene is known. */
  chosenBy(seed: number): number[] | undefined {
    const scenes = this.known();
    return scenes.length ? [...scenes[seed % scenes.length].subarray(0, STYLE_SIZE)] : undefined;
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
}
