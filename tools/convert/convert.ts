import { UserError } from '../../src/common/errors';
import type { ForeignCheckpoint, ForeignTensor } from './foreign';
import { singularVectors } from '../../src/layers/spectral_norm';
import { originalShape, type NamedVariables } from '../../src/checkpoints/layout';
import { isFiniteArray, listed, saveTensors, type TensorEntry } from '../../src/checkpoints/safetensors';

export interface Match {
  /** By the network's name. */
  found: Map<string, ForeignTensor>;
  missing: string[];
  unexpected: string[];
  /** Left out on purpose: what the original stores but never uses, counters of PyTorch's batch norm. */
  ignored: string[];
  /**
   * Vectors of spectral norm that the file lacks: computed from its weights.
   */
  kept: string[];
  wrongShape: string[];
}

/** `fc` stands in the original's generator, where nothing reads it. */
const IGNORED = /(^|\.)num_batches_tracked$|^fc\.(weight|bias)$/;
const SPECTRAL = /\.weight_[uv]$/;

/**
 * Maps the names of a file to those of a network. The same name first; else `X.weight` for `X.weight_orig` and the
 * other way round (the file was saved with or without spectral norm), PyTorch's `X.parametrizations.weight.*`, and all
 * names under `module.` (several GPUs).
 */
export function matchNames(tensors: ReadonlyMap<string, ForeignTensor>, network: NamedVariables): Match {
  const left = new Map([...tensors].map(([name, t]) => [name.replace(/^module\./, ''), t]));
  const match: Match = { found: new Map(), missing: [], unexpected: [], ignored: [], kept: [], wrongShape: [] };
  for (const { name, kind, variable } of network.entries()) {
    const alias = [name, ...aliases(name)].find((n) => left.has(n));
    if (alias === undefined) {
      (SPECTRAL.test(name) ? match.kept : match.missing).push(name);
      continue;
    }
    const tensor = left.get(alias)!;
    left.delete(alias);
    const shape = originalShape(kind, variable.shape);
    if (`${tensor.shape}` === `${shape}`) match.found.set(name, tensor);
    else match.wrongShape.push(`${name} has [${tensor.shape}] instead of [${shape}]`);
  }
  for (const name of left.keys()) (IGNORED.test(name) || SPECTRAL.test(name) ? match.ignored : match.unexpected).push(name);
  return match;
}

function aliases(name: string): string[] {
  const module = name.replace(/\.weight(_orig|_u|_v)?$/, '');
  const end = name.slice(module.length);
  if (end === '.weight') return [`${module}.weight_orig`, `${module}.parametrizations.weight.original`];
  if (end === '.weight_orig') return [`${module}.weight`, `${module}.parametrizations.weight.original`];
  if (end === '.weight_u' || end === '.weight_v') return [`${module}.parametrizations.weight.0._${end.slice(-1)}`];
  return [];
}

/**
 * Writes a foreign file's weights as a `.safetensors` checkpoint of ours, tensor by tensor. Everything is matched
 * first: one UserError names the file and all that is missing, unexpected or of another shape, and nothing is written;
 * the same for NaN and infinity, which would spoil every image. Returns the match, to be reported.
 */
export async function importWeights(
  file: string,
  foreign: ForeignCheckpoint,
  network: NamedVariables,
  target: string,
  metadata: Record<string, string> = {},
  onProgress?: (done: number, total: number) => void,
): Promise<Match> {
  const match = matchNames(foreign.tensors, network);
  const faults = [
    ...(match.missing.length ? [`missing: ${listed(match.missing)}`] : []),
    ...(match.unexpected.length ? [`unexpected: ${listed(match.unexpected)}`] : []),
    ...(match.wrongShape.length ? [`of another shape: ${listed(match.wrongShape)}`] : []),
  ];
  if (faults.length) throw new UserError(`${file} does not fit this network (${faults.join('; ')}).`);
  const read = (name: string) => {
    const tensor = match.found.get(name)!;
    const values = tensor.read();
    if (!isFiniteArray(values))
      throw new UserError(`${file} holds NaN or infinity in ${tensor.name}: the run that saved it had diverged; take an earlier checkpoint.`);
    return values;
  };
  // Where one of the two is missing both are computed: their signs belong together.
  const isComplete = (module: string) => ['u', 'v'].every((end) => match.found.has(`${module}.weight_${end}`));
  const vector = (module: string, end: string) => {
    const weight = `${module}.weight_orig`;
    const { u, v } = singularVectors(read(weight), match.found.get(weight)!.shape[0]);
    return end === 'u' ? u : v;
  };
  const entries = network.entries().map(({ name, kind, variable }): TensorEntry => {
    const module = name.replace(SPECTRAL, '');
    const isVector = module !== name && !isComplete(module);
    const data = () => (isVector ? vector(module, name.slice(-1)) : read(name));
    return { name, shape: originalShape(kind, variable.shape), data };
  });
  await saveTensors(target, entries, metadata, { onProgress });
  return match;
}
