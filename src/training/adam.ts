import { compiled } from '../engine/compiled';
import { adam, hasOwnKernels } from '../engine/own_kernels';
import * as tf from '../engine/tf';
import { configure, type Choice } from '../common/config';
import type { ParameterEntry } from '../layers/core/parameters';

export interface AdamConfig {
  /** Decay of the mean of the gradients. Default 0.9. */
  beta1: number;
  /** Decay of the mean of their squares. Default 0.999. */
  beta2: number;
  /** Default 1e-8. */
  epsilon: number;
  /** `paper`: epsilon is added to the corrected root. `original`: to the uncorrected one (Jittor). */
  epsilonChoice: Choice;
}

export const ADAM_DEFAULTS: AdamConfig = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, epsilonChoice: 'paper' };

type Means = { m: tf.Tensor1D | undefined; v: tf.Tensor1D };

/**
 * Algorithm 1 for numbers w with the gradient g. Its bias corrections stand in `scale`, learning rate * sqrt(1 - beta2^t) / (1 - beta1^t), and in
 * `floor`, epsilon * sqrt(1 - beta2^t) (see `epsilonChoice`). Where beta1 is 0 the mean of the gradients is the gradient, and there is no m.
 */
function asWritten(w: tf.Tensor1D, g: tf.Tensor1D, { m, v }: Means, { beta1, beta2 }: AdamConfig, scale: tf.Scalar, floor: tf.Scalar) {
  const v1 = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2)) as tf.Tensor1D;
  const m1 = m && (tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1)) as tf.Tensor1D);
  return { m: m1, v: v1, w: tf.sub(w, tf.div(tf.mul(m1 ?? g, scale), tf.add(tf.sqrt(v1), floor))) as tf.Tensor1D };
}

/** Variables that are updated together as one flat vector: hundreds of small tensors would cost hundreds of small operations. */
interface Group {
  entries: ParameterEntry[];
  sizes: number[];
  /** The flat vector is worked on in pieces; what a piece needs stays in the processor's cache from one operation to the next. */
  pieces: Piece[];
}

interface Piece {
  begin: number;
  size: number;
  /** Means of the gradients and of their squares; `m` is absent where beta1 is 0. */
  m?: tf.Tensor1D;
  v: tf.Tensor1D;
}

/** A group's variables, their gradients and the means of its pieces. */
type Moving = { variables: tf.Variable[]; gradients: tf.Tensor[]; means: Means[] };

/** So many numbers are moved in one call: the old and the new ones of a call are in memory together. */
const CALL_SIZE = 1 << 24;
/** A group holds small variables up to this many numbers; a larger variable is a group by itself. */
const GROUP_SIZE = 1 << 20;
/** How many numbers a piece holds. A multiple of 16: TensorFlow slices a flat tensor there without copying it. */
const PIECE_SIZE = 1 << 18;

/** Adam (1412.6980, algorithm 1). A parameter without a gradient in a step has the gradient 0 in it. */
export class Adam {
  private readonly config: AdamConfig;
  private readonly groups: Group[] = [];
  /** The groups that one call moves. */
  private readonly calls: Group[][] = [];
  private steps = 0;
  /** Whether a kernel of our own moves all variables, each of which is a group of one piece then. */
  private readonly own = hasOwnKernels();

  constructor(entries: readonly ParameterEntry[], config: Partial<AdamConfig> = {}) {
    this.config = configure(ADAM_DEFAULTS, config, 'Adam');
    const groupSize = this.own ? 0 : GROUP_SIZE;
    let open: ParameterEntry[] = [];
    let size = 0;
    const close = () => {
      if (open.length) this.groups.push(this.group(open));
      open = [];
      size = 0;
    };
    for (const entry of entries.filter((e) => e.trainable)) {
      if (size + entry.variable.size > groupSize) close();
      open.push(entry);
      size += entry.variable.size;
    }
    close();
    let room = 0;
    for (const group of this.groups) {
      const numbers = group.sizes.reduce((a, b) => a + b, 0);
      if (room < numbers) {
        this.calls.push([]);
        room = CALL_SIZE;
      }
      this.calls[this.calls.length - 1].push(group);
      room -= numbers;
    }
  }

  get stepsTaken(): number {
    return this.steps;
  }

  /** Moves every parameter. `gradients` by parameter name; each is disposed of as soon as it has been used. */
  step(gradients: Readonly<Record<string, tf.Tensor>>, learningRate: number): void {
    const { beta1, beta2, epsilon, epsilonChoice } = this.config;
    this.steps += 1;
    const rootCorrection = Math.sqrt(1 - beta2 ** this.steps);
    tf.tidy(() => {
      const scale = (learningRate * rootCorrection) / (1 - beta1 ** this.steps);
      const floor = epsilonChoice === 'paper' ? epsilon * rootCorrection : epsilon;
      for (const groups of this.calls) {
        const moving = groups.map(({ entries, pieces }) => ({
          variables: entries.map((e) => e.variable),
          gradients: entries.map((e) => gradients[e.name] ?? tf.zeros(e.variable.shape)),
          means: pieces.map(({ m, v }) => ({ m, v })),
        }));
        const means = this.own ? this.moveAtOnce(moving, scale, floor) : this.move(moving, tf.scalar(scale), tf.scalar(floor));
        groups.forEach(({ pieces }, g) =>
          pieces.forEach((piece, i) => {
            const { m, v } = means[g][i];
            if (m) piece.m = replace(piece.m!, m);
            piece.v = replace(piece.v, v);
          }),
        );
        tf.dispose(moving.map((group) => group.gradients));
      }
    });
  }

  /** Moves the variables of groups; returns their new means. What differs from step to step comes in tensors. */
  private readonly move = compiled((groups: Moving[], scale: tf.Scalar, floor: tf.Scalar) => groups.map((group) => this.moveGroup(group, scale, floor)), {
    name: "Adam's step",
    mostRecordings: 64,
  });

  private moveAtOnce(moving: Moving[], scale: number, floor: number): Means[][] {
    const { beta1, beta2 } = this.config;
    const one = (name: 'variables' | 'gradients') => moving.map((group) => group[name][0]);
    const means = moving.map((group) => group.means[0]);
    const variables = one('variables') as tf.Variable[];
    const m = beta1 > 0 ? means.map((mean) => mean.m!) : [];
    const factors = { scale, floor, beta1, beta2 };
    const moved = adam(variables, one('gradients'), means.map((mean) => mean.v), m, factors); // prettier-ignore
    variables.forEach((variable, i) => variable.assign(moved.w[i]));
    return moved.v.map((v, i) => [{ m: moved.m[i], v }]);
  }

  private moveGroup({ variables, gradients, means }: Moving, scale: tf.Scalar, floor: tf.Scalar): Means[] {
    const g = flat(gradients);
    const w = flat(variables);
    let begin = 0;
    const moved = means.map(({ m, v }) => {
      const piece = { begin, size: v.size };
      begin += v.size;
      return asWritten(cut(w, piece), cut(g, piece), { m, v }, this.config, scale, floor);
    });
    const all = flat(moved.map((p) => p.w));
    const parts =
      variables.length > 1
        ? tf.split(
            all,
            variables.map((v) => v.size),
          )
        : [all];
    variables.forEach((variable, i) => variable.assign(tf.reshape(parts[i], variable.shape)));
    return moved.map(({ m, v }) => ({ m, v }));
  }

  /** Weights, means and count as they are, to go back to. References, no copies: the old ones stay in memory until `dispose`. */
  snapshot(): { restore(): void; dispose(): void } {
    const hold = <T extends tf.Tensor>(tensor: T) => tf.keep(tf.clone(tensor));
    const { steps } = this;
    const weights = this.groups.flatMap(({ entries }) => entries.map(({ variable }) => ({ variable, value: hold(variable) })));
    const means = this.groups.flatMap(({ pieces }) => pieces.map((piece) => ({ piece, m: piece.m && hold(piece.m), v: hold(piece.v) })));
    return {
      restore: () => {
        this.steps = steps;
        for (const { variable, value } of weights) tf.tidy(() => variable.assign(tf.clone(value)));
        for (const { piece, m, v } of means) {
          if (m) piece.m = replace(piece.m!, tf.clone(m));
          piece.v = replace(piece.v, tf.clone(v));
        }
      },
      dispose: () => tf.dispose([weights.map(({ value }) => value), means.map(({ m, v }) => (m ? [m, v] : [v]))]),
    };
  }

  /** The steps taken and, by name, copies of the means: `NAME.m` (unless beta1 is 0) and `NAME.v`, flat. The caller disposes them. */
  state(): { steps: number; tensors: Record<string, tf.Tensor1D> } {
    const tensors: Record<string, tf.Tensor1D> = {};
    for (const { entries, sizes, pieces } of this.groups) {
      for (const suffix of pieces[0].m ? (['m', 'v'] as const) : (['v'] as const)) {
        const parts = tf.tidy(() => tf.split(flat(pieces.map((p) => p[suffix]!)), sizes));
        entries.forEach((e, i) => (tensors[`${e.name}.${suffix}`] = parts[i] as tf.Tensor1D));
      }
    }
    return { steps: this.steps, tensors };
  }

  /** Continues from a state; the tensors stay the caller's. @throws Error naming the first tensor that is missing or of another size */
  restore(state: { steps: number; tensors: Readonly<Record<string, tf.Tensor>> }): void {
    const collect = ({ entries, pieces }: Group, suffix: 'm' | 'v'): tf.Tensor1D[] => {
      const stored = entries.map((e) => {
        const t = state.tensors[`${e.name}.${suffix}`];
        if (!t || t.size !== e.variable.size) throw new Error(`the optimiser's state does not fit: ${e.name}.${suffix}`);
        return t;
      });
      // Kept, since the caller may be inside a tidy of its own; cloned, as a cut of the whole may be the whole.
      return tf.tidy(() => pieces.map((piece) => tf.keep(tf.clone(cut(flat(stored), piece)))));
    };
    // All before any is replaced: a state that does not fit leaves this one as it is.
    const collected = this.groups.map((g) => ({ m: g.pieces[0].m && collect(g, 'm'), v: collect(g, 'v') }));
    this.groups.forEach(({ pieces }, i) =>
      pieces.forEach((piece, k) => {
        piece.m?.dispose();
        piece.v.dispose();
        piece.m = collected[i].m?.[k];
        piece.v = collected[i].v[k];
      }),
    );
    this.steps = state.steps;
  }

  dispose(): void {
    this.move.dispose();
    for (const { m, v } of this.groups.flatMap((g) => g.pieces)) {
      m?.dispose();
      v.dispose();
    }
  }

  private group(entries: ParameterEntry[]): Group {
    const sizes = entries.map((e) => e.variable.size);
    const total = sizes.reduce((a, b) => a + b, 0);
    const most = this.own ? total : PIECE_SIZE;
    const pieces: Piece[] = [];
    for (let begin = 0; begin < total; begin += most) {
      const size = Math.min(most, total - begin);
      pieces.push({ begin, size, m: this.config.beta1 > 0 ? tf.zeros([size]) : undefined, v: tf.zeros([size]) });
    }
    return { entries, sizes, pieces };
  }
}

const flat = (tensors: readonly tf.Tensor[]): tf.Tensor1D => {
  const vectors = tensors.map((t) => tf.reshape(t, [-1]) as tf.Tensor1D);
  return vectors.length > 1 ? tf.concat(vectors) : vectors[0];
};

const cut = (vector: tf.Tensor1D, { begin, size }: { begin: number; size: number }): tf.Tensor1D =>
  size === vector.size ? vector : tf.slice(vector, begin, size);

function replace(old: tf.Tensor1D, now: tf.Tensor): tf.Tensor1D {
  old.dispose();
  return tf.keep(now as tf.Tensor1D);
}
