/** Comes before the engine: what one of several workers may use of this machine TensorFlow reads when it is loaded. */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { gpusOf, shareOf, slurmShare, type Machine } from '../src/engine/places';

/** The variables as they were found, which processes of --workers start from. */
export const FOUND: NodeJS.ProcessEnv = { ...process.env };

export function machine(): Machine {
  const files = process.platform === 'linux' ? readdirSync('/dev') : [];
  return { gpus: gpusOf(FOUND, files), cores: availableParallelism() };
}

const workers = Number(/(?:^| )--workers[= ](\d+)(?: |$)/.exec(process.argv.join(' '))?.[1] ?? 1);
try {
  Object.assign(process.env, workers > 1 ? shareOf(0, workers, machine(), FOUND) : slurmShare(FOUND, machine().gpus));
} catch {
  // The command says what is wrong.
}
