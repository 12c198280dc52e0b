import { UserError } from '../common/errors';
import { fromOriginal, originalShape, toOriginal, type NamedVariables } from './layout';
import { listed, readTensors, saveTensors, type TensorReadOptions, type SaveOptions, type StoredTensor, type TensorEntry } from './safetensors';

/**
 * Saves a network's parameters: float32, in the original's layout and under its names, so that Python reads them in two
 * lines (`from safetensors.torch import load_file; net.load_state_dict(load_file(path))`). All or nothing. Returns the
 * file's checksum.
 */
export function saveParameters(file: string, parameters: NamedVariables, metadata: Record<string, string> = {}, options: SaveOptions = {}): Promise<string> {
  return saveTensors(file, parameterEntries(parameters), metadata, options);
}

/** A network's parameters as they are written: names and shapes of the original, values fetched one at a time. */
export function parameterEntries(parameters: NamedVariables): TensorEntry[] {
  return parameters.entries().map(({ name, variable, kind }) => ({
    name,
    shape: originalShape(kind, variable.shape),
    data: () => toOriginal(kind, variable),
  }));
}

export interface LoadOptions extends TensorReadOptions {
  /**
   * Whether every name of the network has to be in the file and the other way round (the default). A shape must always
   * match.
   */
  strict?: boolean;
}

export interface Loaded {
  metadata: Record<string, string>;
  /** Names the file lacks (their parameters keep their values) and names the network lacks; both empty if strict. */
  missing: string[];
  unexpected: string[];
}

/**
 * Loads a network's parameters from a `.safetensors` file. All names and shapes are checked before the first value is
 * assigned: where something does not fit, one UserError names the file and the names, and the network keeps what it
 * had.
 */
export async function loadParameters(file: string, parameters: NamedVariables, options: LoadOptions = {}): Promise<Loaded> {
  const { tensors, metadata } = await readTensors(file, options);
  const { missing, unexpected } = checkParameters(file, tensors, parameters, options.strict ?? true);
  assignParameters(tensors, parameters);
  return { metadata, missing, unexpected };
}

/** Whether stored tensors fit a network; throws a UserError that names the file and everything that does not. */
export function checkParameters(
  file: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  parameters: NamedVariables,
  strict = true,
): { missing: string[]; unexpected: string[] } {
  const known = new Set<string>();
  const missing: string[] = [];
  const wrong: string[] = [];
  for (const { name, variable, kind } of parameters.entries()) {
    known.add(name);
    const stored = tensors.get(name);
    const shape = originalShape(kind, variable.shape);
    if (!stored) missing.push(name);
    else if (`${stored.shape}` !== `${shape}`) wrong.push(`${name} has [${stored.shape}] instead of [${shape}]`);
    else if (!isFloat(stored)) wrong.push(`${name} is of type ${stored.dtype} instead of a float`);
  }
  const unexpected = [...tensors.keys()].filter((name) => !known.has(name));
  const faults = [
    ...(wrong.length ? [`of another shape or type: ${listed(wrong)}`] : []),
    ...(strict && missing.length ? [`missing: ${listed(missing)}`] : []),
    ...(strict && unexpected.length ? [`unexpected: ${listed(unexpected)}`] : []),
  ];
  if (faults.length) throw new UserError(`${file} does not fit this network (${faults.join('; ')}): choose the checkpoint of this configuration.`);
  return { missing, unexpected };
}

/** Assigns tensors that `checkParameters` has passed. */
export function assignParameters(tensors: ReadonlyMap<string, StoredTensor>, parameters: NamedVariables): void {
  for (const { name, variable, kind } of parameters.entries()) {
    const stored = tensors.get(name);
    if (!stored) continue;
    const value = fromOriginal(kind, variable.shape, asFloat32(stored));
    variable.assign(value);
    value.dispose();
  }
}

const isFloat = (t: StoredTensor) => t.data instanceof Float32Array || t.data instanceof Float64Array;
const asFloat32 = (t: StoredTensor) => (t.data instanceof Float32Array ? t.data : Float32Array.from(t.data as Float64Array));
