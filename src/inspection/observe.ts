import { Convolution } from '../layers/core/convolution';
import type { LabelLevel } from '../layers/neighbourhoods/label_pyramid';
import { BatchNorm } from '../layers/core/normalisation';
import { Parameters } from '../layers/core/parameters';
import { ResidualBlock } from '../layers/residual_block';
import { Sau } from '../layers/sau';
import { Spade } from '../layers/spade';
import { SpadeBlock } from '../layers/spade_block';
import * as tf from '../engine/tf';

/** Hears what a layer was given and gives back: `name` is the layer's in the original. */
export type Listener = (name: string, kind: 'in' | 'out' | 'gamma' | 'beta' | 'weight', value: tf.Tensor4D) => void;

const KINDS: readonly Kind[] = [Convolution, BatchNorm, Spade, SpadeBlock, ResidualBlock, Sau];

/** A class of layers, such as `Convolution`. */
export type Kind = abstract new (...args: never[]) => object;

/** The layers of some kinds inside a network, each with its name in the original: what the names of its parameters have in common. */
export function layersOf(network: object & { parameters: Parameters }, kinds: readonly Kind[]): { name: string; layer: object }[] {
  const nameOf = new Map<unknown, string>(network.parameters.entries().map((e) => [e.variable, e.name]));
  const found: { name: string; layer: object }[] = [];
  namesBelow(network, nameOf, (layer, names) => {
    if (kinds.some((kind) => layer instanceof kind)) found.push({ name: commonScope(names), layer });
  });
  return found;
}

/**
 * Tells what goes into a layer and comes out of it, without a change to its class: the object gets an `apply` of its own that calls the
 * class's. Returns how to stop.
 */
export function onApply(layer: object, heard: (args: unknown[], out: unknown) => void): () => void {
  const own = layer as { apply?(...args: unknown[]): unknown };
  const apply = own.apply!.bind(layer);
  own.apply = (...args) => {
    const out = apply(...args);
    heard(args, out);
    return out;
  };
  return () => delete own.apply;
}

/**
 * Listens to the layers of a network. `only` says which: kernels and modulations are computed for the listener, so that each costs time.
 * Returns how to stop, which gives the names of the layers that were not heard: a fast path goes around the `apply` of some (the convolutions
 * inside of SAU, of SPADE's tables and of the classes), and a caller that needs one of them has to refuse.
 */
export function observe(network: object & { parameters: Parameters }, listener: Listener, only: (name: string) => boolean = () => true): () => string[] {
  const found = layersOf(network, KINDS).filter(({ name }) => only(name));
  const heard = new Set<string>();
  const stops = found.map(({ name, layer }) =>
    listen(layer, name, (own, ...said) => {
      heard.add(name);
      listener(own, ...said);
    }),
  );
  return () => {
    stops.forEach((stop) => stop());
    return found.map(({ name }) => name).filter((name) => !heard.has(name));
  };
}

function listen(layer: object, name: string, listener: Listener): () => void {
  return onApply(layer, (args, out) => {
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
    listener(name, 'out', out as tf.Tensor4D);
  });
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
