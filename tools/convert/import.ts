import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withoutDrawing } from '../../src/layers/core/parameters';
import { LGGAN } from '../../src/models/lggan/lggan';
import { Discriminator } from '../../src/models/discriminator';
import { RCAN } from '../../src/models/rcan';
import { guessNetwork, type NetworkGuess } from '../../src/models/config_from_shapes';
import { refuseInputs } from '../../src/common/targets';
import { importWeights, type Match } from './convert';
import { openForeign, type ForeignCheckpoint } from './foreign';

export interface ImportOptions {
  /** The name under which the weights stand in a file that holds several dictionaries. */
  key?: string;
  /**
   * Whether the network follows the papers or the original's code. Weights that the original trained want 'original'
   * (the default).
   */
  behaviour?: 'paper' | 'original';
  onProgress?: (done: number, total: number) => void;
  /** Told where the checkpoint goes before anything is written; may throw. */
  beforeWriting?: (target: string) => void;
}

export interface Imported {
  network: NetworkGuess['network'];
  config: object;
  format: ForeignCheckpoint['format'];
  /** Plain numbers and texts that stood beside the weights: epoch, step, psnr. */
  values: Record<string, number | string>;
  /** Sentences on what was taken where the file holds several networks. */
  notes: string[];
  match: Match;
}

/**
 * Reads the weights of a generator, a discriminator or an RCAN as the original (Jittor), PyTorch or safetensors saved
 * them, and writes our checkpoint, which `loadLGGAN` and `loadRCAN` take. Network and sizes are told from the weights
 * themselves.
 * Throws a UserError that names the file: damaged, malicious, of another network, incomplete, with NaN. Nothing is
 * written then.
 */
export async function importCheckpoint(
  file: string,
  target: string | ((network: string) => string),
  options: ImportOptions = {},
): Promise<Imported & { target: string }> {
  const { key, behaviour = 'original', onProgress, beforeWriting } = options;
  const foreign = await openForeign(file, { key });
  try {
    const guess = guessNetwork(file, foreign.tensors);
    const { network } = guess;
    const out = typeof target === 'string' ? target : target(network);
    refuseInputs([file], [out]);
    beforeWriting?.(out);
    const numbers = [...foreign.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const built = withoutDrawing(() => build(guess, behaviour), { file, numbers });
    try {
      await mkdir(dirname(out), { recursive: true });
      const metadata = { network, config: JSON.stringify(built.config), source: foreign.format };
      const match = await importWeights(file, foreign, built.parameters, out, metadata, onProgress);
      return { network, config: built.config, format: foreign.format, values: foreign.values, notes: foreign.notes, match, target: out };
    } finally {
      built.dispose();
    }
  } finally {
    foreign.close();
  }
}

function build(guess: NetworkGuess, behaviour: 'paper' | 'original'): LGGAN | Discriminator | RCAN {
  switch (guess.network) {
    case 'LGGAN':
      return new LGGAN({ ...guess.config, behaviour });
    case 'Discriminator':
      return new Discriminator({ ...guess.config, behaviour });
    case 'RCAN':
      return new RCAN(guess.config);
  }
}
