import { Random } from '../../common/mulberry';
import { Drawing, TALL } from './drawing';
import { GROW } from './plants';

/**
 * Pictures of plants, drawn once from hundreds of small leaf clusters and kept with their surface directions instead of
 * colours, so that each scene can light and tint them its own way.
 */
export type Species =
  | 'broad'
  | 'oak'
  | 'birch'
  | 'poplar'
  | 'spruce'
  | 'pine'
  | 'palm'
  | 'bare'
  | 'bush'
  | 'fern'
  | 'reed'
  | 'tuft';

export const VARIANTS = 3;

/** One resolution of a sprite; five numbers a texel: opacity, then direction x, direction y (up), openness to the sky and share of wood, each times opacity. */
export interface Level {
  data: Float32Array;
  height: number;
  width: number;
}

export interface Sprite {
  kind: 'tree' | 'plant' | 'grass';
  /** Width over height. */
  aspect: number;
  /** From the finest to the coarsest, each half the size of the one before. */
  levels: Level[];
}

const ASPECTS: Record<Species, number> = {
  broad: 0.86,
  oak: 1.15,
  birch: 0.55,
  poplar: 0.28,
  spruce: 0.46,
  pine: 0.62,
  palm: 0.8,
  bare: 0.9,
  bush: 1.5,
  fern: 1.7,
  reed: 0.9,
  tuft: 1.6,
};
const KINDS: Partial<Record<Species, Sprite['kind']>> = { bush: 'plant', fern: 'plant', reed: 'plant', tuft: 'grass' };

const kept = new Map<string, Sprite>();

/** The picture of a plant, made at its first use (about 10 ms) and kept. */
export function sprite(species: Species, variant: number): Sprite {
  const key = `${species}${variant % VARIANTS}`;
  let made = kept.get(key);
  if (!made) {
    const drawing = new Drawing(
      ASPECTS[species],
      new Random(0xf01a6e + (variant % VARIANTS) * 977 + species.length * 131 + species.charCodeAt(0)),
    );
    GROW[species](drawing);
    made = { kind: KINDS[species] ?? 'tree', aspect: ASPECTS[species], levels: halvings(drawing) };
    kept.set(key, made);
  }
  return made;
}

function halvings(drawing: Drawing): Level[] {
  const levels: Level[] = [{ data: drawing.data, height: TALL, width: drawing.width }];
  for (let last = levels[0]; last.height > 6 && last.width > 3; last = levels[levels.length - 1]) {
    const height = Math.floor(last.height / 2);
    const width = Math.floor(last.width / 2);
    const data = new Float32Array(height * width * 5);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const a = (2 * y * last.width + 2 * x) * 5;
        const b = a + last.width * 5;
        for (let i = 0; i < 5; i++) {
          data[(y * width + x) * 5 + i] =
            (last.data[a + i] + last.data[a + 5 + i] + last.data[b + i] + last.data[b + 5 + i]) / 4;
        }
      }
    }
    levels.push({ data, height, width });
  }
  return levels;
}
