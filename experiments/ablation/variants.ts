import type { LGGANConfig } from '../../src/models/lggan/config';
import { NO_CLASS_LOSS } from '../../src/training/schedule';
import type { TrainLGGANConfig } from '../../src/training/lggan';

export type Group = 'baseline' | 'upsampling' | 'branches' | 'class loss';

/** A network or training that differs from the baseline in one point. */
export interface Variant {
  /** As in tables. */
  name: string;
  /** Which question it answers. */
  group: Group;
  generator: Partial<LGGANConfig>;
  lossWeights?: TrainLGGANConfig['lossWeights'];
}

/** What the baseline is. */
export const BASELINE = 'semantic-aware upsampling, both branches, class loss';

/**
 * What the papers' ablations take away (1912.12215, section 4.3; 2203.00047, section 4): each variant differs from the baseline in one point.
 * The local branch alone is ours: the papers start from the global one and add.
 */
export const VARIANTS: readonly Variant[] = [
  { name: 'baseline', group: 'baseline', generator: {} },
  { name: 'transposed convolution', group: 'upsampling', generator: { upsampling: 'transposed' } },
  { name: 'nearest + convolution', group: 'upsampling', generator: { upsampling: 'nearest' } },
  { name: 'global only', group: 'branches', generator: { branches: 'global' } },
  { name: 'local only', group: 'branches', generator: { branches: 'local' } },
  { name: 'no class loss', group: 'class loss', generator: {}, lossWeights: NO_CLASS_LOSS },
];
