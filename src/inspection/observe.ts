/** What the layers inside of a network are given and give back, for whoever wants to look at it. */
import { UserError } from '../common/errors';
import { Parameters } from '../layers/core/parameters';
import * as tf from '../engine/tf';

/** A class of layers, such as `Convolution`. */
export type Kind = abstract new (...args: never[]) => object;

/** Hears a layer's arguments and what it gives back: `name` is the layer's in the original, `''` of one whose parameters have no name in common. */
export type Listener = (name: string, layer: object, args: unknown[], out: unknown) => void;

/**
 * Runs `run`, in which the network computes, and hears its layers of some kinds: all of them, or those that `only` names. The network is not
 * changed by it.
 *
 * Fast paths go around the `apply` of some layers (the convolutions inside of SAU, of SPADE's tables, the first one, those of the classes), and
 * a compiled function goes around all of them: what nobody can hear is refused, unless `maySkip` names it.
 * @throws UserError naming the layers that were to be heard and were not
 */
export function observe<T>(
  network: object & { parameters: Parameters },
  kinds: readonly Kind[],
  listener: Listener,
  run: () => T,
  { only = () => true, maySkip = () => false }: { only?(name: string): boolean; maySkip?(name: string): boolean } = {},
): T {
  const found = layersOf(network, kinds).filter(({ name }) => only(name));
  const silent = new Set(found.map(({ name }) => name).filter((name) => !maySkip(name)));
  const stops = found.map(({ name, layer }) =>
    onApply(layer, (args, out) => {
      silent.delete(name);
      listener(name, layer, args, out);
    }),
  );
  let result: T;
  try {
    result = run();
  } finally {
    stops.forEach((stop) => stop());
  }
  if (!silent.size) return result;
  tf.dispose(result);
  throw new UserError(
    `a fast path goes around ${[...silent].map((name) => `'${name}'`).join(', ')}, which cannot be heard: ` +
      'paint with { compiled: false }, and listen to the layer around.',
  );
}

/** The layers of some kinds inside a network, each with its name in the original: what the names of its parameters have in common. */
function layersOf(network: object & { parameters: Parameters }, kinds: readonly Kind[]): { name: string; layer: object }[] {
  const nameOf = new Map<unknown, string>(network.parameters.entries().map((e) => [e.variable, e.name]));
  // A block may hold a layer in two of its fields.
  const found = new Map<object, string>();
  namesBelow(network, nameOf, (layer, names) => {
    if (kinds.some((kind) => layer instanceof kind)) found.set(layer, commonScope(names));
  });
  return [...found].map(([layer, name]) => ({ name, layer }));
}

/** The object gets an `apply` of its own that calls its class's. Returns how to stop. */
function onApply(layer: object, heard: (args: unknown[], out: unknown) => void): () => void {
  const own = layer as { apply?(...args: unknown[]): unknown };
  const apply = own.apply!.bind(layer);
  own.apply = (...args) => {
    const out = apply(...args);
    heard(args, out);
    return out;
  };
  return () => delete own.apply;
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
