/** Networks as the metadata of a checkpoint describe them, still without its values. */
import { UserError, excerpt } from '../common/errors';
import { parseJson } from '../common/json';
import { withoutDrawing } from '../layers/core/parameters';
import type { LGGANConfig } from './lggan/config';
import type { Generator } from './lggan/generator';
import { createGenerator } from './lggan/single_branch';
import { RCAN, type RCANConfig } from './rcan';

/** What is known of a `.safetensors` file without its data. */
export interface Description {
  metadata: Record<string, string>;
  tensors: ReadonlyMap<string, { shape: readonly number[] }>;
}

/**
 * The generator that `file` describes, but for `changes`; its values are to be assigned.
 * @throws UserError that names the file if it holds another network, or if its configuration is none or asks for more than it holds
 */
export function describedGenerator(file: string, description: Description, changes: Pick<Partial<LGGANConfig>, 'imageSize'> = {}): Generator {
  return described(file, 'LGGAN', description, (config) => createGenerator({ ...(config as Partial<LGGANConfig>), ...changes }));
}

/** The same of an RCAN. */
export function describedRCAN(file: string, description: Description): RCAN {
  return described(file, 'RCAN', description, (config) => new RCAN(config as Partial<RCANConfig>));
}

function described<N>(file: string, network: 'LGGAN' | 'RCAN', { metadata, tensors }: Description, build: (config: object) => N): N {
  const numbers = [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  if (metadata.network && metadata.network !== network) {
    throw new UserError(`${file} holds the network ${metadata.network}, not ${network}; give the path of another checkpoint.`);
  }
  let config: unknown;
  try {
    config = parseJson(metadata.config ?? '{}');
  } catch {
    // Not JSON.
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new UserError(`${file}: the configuration in its metadata is not a JSON object; save it again, or remove the entry.`);
  }
  const { imageSize } = config as { imageSize?: unknown };
  // What is far larger than any photo would fill the memory with its first image.
  if (Array.isArray(imageSize) && !(imageSize.reduce((a: number, b) => a * Number(b), 1) <= 4096 * 4096)) {
    throw new UserError(`${file}: its images would have the size ${excerpt(JSON.stringify(imageSize))}, above 4096x4096; it is damaged, or not to be trusted.`);
  }
  return withoutDrawing(() => build(config as object), { file, numbers });
}
