import { Convolution } from '../layers/convolution';
import type { LabelLevel } from '../layers/label_pyramid';
import { BatchNorm } from '../layers/normalisation';
import { Parameters } from '../layers/parameters';
import { ResidualBlock } from '../layers/residual_block';
import { Sau } from '../layers/sau';
import { Spade } from '../layers/spade';
import { SpadeBlock } from '../layers/spade_block';
import * as tf from '../tf';

/** Hears what a layer was given and gives back: `name` is the layer's in the original. */
export type Listener = (name: string, kind: 'in' | 'out' | 'gamma' | 'beta' | 'weight', value: tf.Tensor4D) => void;

const KINDS = [Convolution, BatchNorm, Spade, SpadeBlock, ResidualBlock, Sau];

/**
 * Listens to the layers of a network without a change to them: each found object gets an `apply` of its own that calls the class's and tells
 * what went in and came out. A layer's name is what the names of its parameters have in common. `only` says which layers are listened to;
 * kernels and modulations are computed for the listener, so that each costs time. Returns how to stop.
 */
export function observe(
  network: object & { parameters: Parameters },
  listener: Listener,
  only: (name: string) => boolean = () => true,
): () => void {
  const nameOf = new Map<unknown, string>(network.parameters.entries().map((e) => [e.variable, e.name]));
  const found: object[] = [];
  namesBelow(network, nameOf, (layer, names) => {
    const name = commonScope(names);
    if (!KINDS.some((kind) => layer instanceof kind) || !only(name)) return;
    found.push(layer);
    listen(layer, name, listener);
  });
  return () => found.forEach((layer) => delete (layer as { apply?: unknown }).apply);
}

function listen(layer: object, name: string, listener: Listener): void {
  const own = layer as { apply(...args: unknown[]): tf.Tensor4D };
  const apply = own.apply.bind(layer);
  own.apply = (...args) => {
    const out = apply(...args);
    const x = args[0] as tf.Tensor4D;
    if (layer instanceof Sau) {
      listener(name, 'in', x);
      listener(name, 'weight', layer.attention(x));
    }
    if (layer instanceof SpadeBlock || layer instanceof Convolution) listener(name, 'in', x);
    if (layer instanceof Spade) {
      const { gamma, beta } = layer.modulation(args[1] as LabelLevel);
      listener(name, 'gamma', gamma);
      listener(name, 'beta', beta);
    }
    listener(name, 'out', out);
    return out;
  };
}

/** Names of the parameters held by `object` and by what it holds. */
function namesBelow(object: object, nameOf: Map<unknown, string>, visit: (layer: object, names: string[]) => void): string[] {
  const names: string[] = [];
  for (const value of Object.values(object)) {
    const name = nameOf.get(value);
    if (name) names.push(name);
    else if (typeof value === 'object' && value !== null && !(value instanceof tf.Tensor) && !(value instanceof Parameters))
      names.push(...namesBelow(value, nameOf, visit));
  }
  if (!Array.isArray(object)) visit(object, names);
  return names;
}

/** What dotted names have in common: `conv1` of `conv1.weight` and `conv1.bias`. */
function commonScope(names: string[]): string {
  const parts = names.map((n) => n.split('.').slice(0, -1));
  const [first = []] = parts;
  const length = first.findIndex((part, i) => parts.some((p) => p[i] !== part));
  return (length < 0 ? first : first.slice(0, length)).join('.');
}
