import { Species } from './foliage';
import { Random } from '../../common/mulberry';

/** Mixes of trees that grow together. */
const MIXES: Partial<Record<Species, number>>[] = [
  { broad: 3, oak: 2, birch: 1 },
  { spruce: 4, pine: 1 },
  { spruce: 2, birch: 2, broad: 1 },
  { pine: 3, oak: 1 },
  { broad: 2, poplar: 2, oak: 1 },
];

/** One such mix. */
export function mixOf(random: Random): Partial<Record<Species, number>> {
  return random.pick(MIXES);
}
