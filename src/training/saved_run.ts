/** What a training run keeps on disk beside its history: networks, optimisers, and where it stands. */
import { loadCheckpoint, saveCheckpoint, type Json } from '../checkpoints/checkpoint';
import { UserError } from '../common/errors';
import { cluster, isFirst } from '../engine/cluster';
import * as tf from '../engine/tf';
import type { Parameters } from '../layers/core/parameters';
import type { Adam } from './adam';
import { weightFault } from './guards';

/** Each by the name of its file. */
export interface Kept {
  networks: Record<string, Parameters>;
  optimisers: Record<string, Adam>;
}

/** Steps that each optimiser has taken. */
export type Steps = Record<string, number>;

/**
 * Saves everything that the next step depends on; `state` says how many steps the optimisers have taken.
 * @throws UserError where a weight is not finite: nothing is written then
 */
export async function saveRun(
  output: string,
  name: 'latest' | 'best',
  { networks, optimisers }: Kept,
  state: (steps: Steps) => Record<string, Json>,
  metadata: { network: string; config: object },
  keep: number,
): Promise<void> {
  const bad = weightFault(Object.values(networks).flatMap((p) => p.entries()));
  if (bad) throw new UserError(`${output}: ${bad} holds NaN or infinity, so no checkpoint was written; lower the learning rate and go on from the last one.`);
  const states = Object.entries(optimisers).map(([key, optimiser]) => [key, optimiser.state()] as const);
  const extra = Object.fromEntries(states.map(([key, { tensors }]) => [key, tensors]));
  const steps = Object.fromEntries(states.map(([key, { steps }]) => [key, steps]));
  try {
    const content = { networks, extra, state: state(steps), metadata: { ...metadata, config: JSON.stringify(metadata.config) } };
    await saveCheckpoint(output, name, content, { keep });
  } finally {
    tf.dispose(Object.values(extra).flatMap((tensors) => Object.values(tensors)));
  }
}

/** Takes up a saved state, which `steps` asks for the optimisers' steps; undefined where there is none. Several workers take up the first's. */
export async function loadRun(
  output: string,
  name: 'latest' | 'best',
  kept: Kept,
  steps: (state: Record<string, Json>) => Steps,
  onMessage?: (message: string) => void,
): Promise<Record<string, Json> | undefined> {
  const group = cluster();
  const own = isFirst() ? await loadOwn(output, name, kept, steps, onMessage) : undefined;
  if (!group) return own;
  for (const parameters of Object.values(kept.networks)) {
    const variables = parameters.entries().map((e) => e.variable);
    const tensors = group.tensorsOfFirst(variables);
    variables.forEach((variable, i) => variable.assign(tensors[i]));
    tf.dispose(tensors);
  }
  for (const optimiser of Object.values(kept.optimisers)) {
    const { steps, tensors } = optimiser.state();
    const values = group.tensorsOfFirst(Object.values(tensors));
    optimiser.restore({ steps: group.told(steps), tensors: Object.fromEntries(Object.keys(tensors).map((key, i) => [key, values[i]])) });
    tf.dispose([tensors, values]);
  }
  return group.told(own ?? null) ?? undefined;
}

async function loadOwn(
  output: string,
  name: 'latest' | 'best',
  { networks, optimisers }: Kept,
  steps: (state: Record<string, Json>) => Steps,
  onMessage?: (message: string) => void,
): Promise<Record<string, Json> | undefined> {
  const loaded = await loadCheckpoint(output, name, { networks, extra: Object.keys(optimisers) });
  if (!loaded) return undefined;
  loaded.damaged.forEach((m) => onMessage?.(`${m} Going on from ${loaded.folder}.`));
  const state = loaded.state as Record<string, Json>;
  for (const [key, optimiser] of Object.entries(optimisers)) {
    // No tidy around it: the optimiser's new tensors have to outlive this function.
    const tensors = Object.fromEntries([...loaded.extra[key]].map(([n, t]) => [n, tf.tensor1d(t.data as Float32Array)]));
    try {
      optimiser.restore({ steps: steps(state)[key], tensors });
    } finally {
      tf.dispose(tensors);
    }
  }
  return state;
}

/**
 * Assigns the weights of a trained network, of the file `start`. What it lacks and `mayLack` allows begins with zeros: true then.
 * @throws UserError where it is of another shape than `field` of the configuration says
 */
export function beginWith(own: Parameters, trained: Parameters, start: string, field: string, mayLack: (name: string) => boolean = () => false): boolean {
  const weights = new Map(trained.entries().map((e) => [e.name, e.variable]));
  const entries = own.entries();
  const begun = entries.filter(({ name }) => !weights.has(name) && mayLack(name));
  const known = entries.filter((e) => !begun.includes(e));
  const stranger = known.find(({ name, variable }) => String(weights.get(name)?.shape) !== String(variable.shape));
  if (stranger || weights.size !== known.length) {
    throw new UserError(`${start}: this network is of another shape${stranger ? ` (${stranger.name})` : ''}; leave the fields of ${field} to it.`);
  }
  for (const { name, variable } of known) variable.assign(weights.get(name)!);
  for (const { variable } of begun) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
  return begun.length > 0;
}
