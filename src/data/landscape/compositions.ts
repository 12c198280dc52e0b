import { hash, Random } from '../../common/mulberry';
import { drawPalette } from './palette';
import { Scene } from './scene';
import { COAST } from './compositions_coast';
import { LAND } from './compositions_land';
import { TOWN } from './compositions_town';
import { INLAND_WATER } from './compositions_water';
import { Plan, plan } from './placing';

/** Composition -> how often it comes up, and how it is built. */
export interface Composition {
  weight: number;
  build(p: Plan): void;
}

export const COMPOSITIONS: Record<string, Composition> = { ...INLAND_WATER, ...LAND, ...COAST, ...TOWN };

/** Decides everything about landscape `index` of series `seed`, except its size. */
export function compose(seed: number, index: number): Scene {
  const random = new Random(hash(seed, index));
  const weights: Record<string, number> = {};
  for (const name of Object.keys(COMPOSITIONS)) weights[name] = COMPOSITIONS[name].weight;
  const name = random.weighted(weights);
  const p = plan(name, random, drawPalette(random));
  COMPOSITIONS[name].build(p);
  return p.scene;
}
