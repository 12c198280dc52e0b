import * as tf from '../tf';
import { configure, type Choice } from '../config';
import type { ParameterEntry } from '../layers/parameters';

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

/** Variables that are updated together as one flat vector: hundreds of small tensors would cost hundreds of small operations. */
interface Group {
  entries: ParameterEntry[];
  sizes: number[];
  /** Means of the gradients and of their squares; `m` is absent where beta1 is 0. */
  m?: tf.Tensor1D;
  v: tf.Tensor1D;
}

/** A group holds small variables up to this many numbers; a larger variable is a group by itself. */
const GROUP_SIZE = 1 << 20;

/** Adam (1412.6980, algorithm 1). A parameter without a gradient in a step has the gradient 0 in it. */
export class Adam {
  private readonly config: AdamConfig;
  private readonly groups: Group[] = [];
  private steps = 0;

  constructor(entries: readonly ParameterEntry[], config: Partial<AdamConfig> = {}) {
    this.config = configure(ADAM_DEFAULTS, config, 'Adam');
    let open: ParameterEntry[] = [];
    let size = 0;
    const close = () => {
      if (open.length) this.groups.push(this.group(open));
      open = [];
      size = 0;
    };
    for (const entry of entries.filter((e) => e.trainable)) {
      if (size + entry.variable.size > GROUP_SIZE) close();
      open.push(entry);
      size += entry.variable.size;
    }
    close();
  }

  /** Moves every parameter. `gradients` by parameter name; the caller disposes them. */
  step(gradients: Readonly<Record<string, tf.Tensor>>, learningRate: number): void {
    const { beta1, beta2, epsilon, epsilonChoice } = this.config;
    this.steps += 1;
    const rootCorrection = Math.sqrt(1 - beta2 ** this.steps);
    const scale = (learningRate * rootCorrection) / (1 - beta1 ** this.steps);
    const floor = epsilonChoice === 'paper' ? epsilon * rootCorrection : epsilon;
    for (const group of this.groups) {
      tf.tidy(() => {
        const flat = group.entries.map((e) => tf.reshape(gradients[e.name] ?? tf.zeros([e.variable.size]), [-1]));
        const g = (flat.length > 1 ? tf.concat(flat) : flat[0]) as tf.Tensor1D;
        const v = replace(group.v, tf.add(tf.mul(group.v, beta2), tf.mul(tf.square(g), 1 - beta2)) as tf.Tensor1D);
        group.v = v;
        if (group.m) group.m = replace(group.m, tf.add(tf.mul(group.m, beta1), tf.mul(g, 1 - beta1)) as tf.Tensor1D);
        const update = tf.div(tf.mul(group.m ?? g, scale), tf.add(tf.sqrt(v), floor)) as tf.Tensor1D;
        const parts = group.entries.length > 1 ? tf.split(update, group.sizes) : [update];
        group.entries.forEach(({ variable }, i) => {
          variable.assign(tf.sub(variable, tf.reshape(parts[i], variable.shape)));
        });
      });
    }
  }

  /** The steps taken and, by name, copies of the means: `NAME.m` (unless beta1 is 0) and `NAME.v`, flat. The caller disposes them. */
  state(): { steps: number; tensors: Record<string, tf.Tensor1D> } {
    const tensors: Record<string, tf.Tensor1D> = {};
    for (const { entries, sizes, m, v } of this.groups) {
      for (const [suffix, all] of [['m', m], ['v', v]] as const) {
        if (!all) continue;
        const parts = tf.split(all, sizes);
        entries.forEach((e, i) => (tensors[`${e.name}.${suffix}`] = parts[i] as tf.Tensor1D));
      }
    }
    return { steps: this.steps, tensors };
  }

  /** Continues from a state; the tensors stay the caller's. @throws Error naming the first tensor that is missing or of another size */
  restore(state: { steps: number; tensors: Readonly<Record<string, tf.Tensor>> }): void {
    const collect = (entries: ParameterEntry[], suffix: string) =>
      tf.tidy(() => {
        const parts = entries.map((e) => {
          const t = state.tensors[`${e.name}.${suffix}`];
          if (!t || t.size !== e.variable.size) throw new Error(`the optimiser's state does not fit: ${e.name}.${suffix}`);
          return tf.reshape(t, [-1]) as tf.Tensor1D;
        });
        // Kept, since the caller may be inside a tidy of its own; of a single part concat would return the part.
        return tf.keep(parts.length > 1 ? tf.concat(parts) : tf.clone(parts[0]));
      });
    const collected = this.groups.map((g) => ({ m: g.m && collect(g.entries, 'm'), v: collect(g.entries, 'v') }));
    this.groups.forEach((group, i) => {
      tf.dispose([group.m, group.v].filter((t) => t !== undefined) as tf.Tensor[]);
      Object.assign(group, collected[i]);
    });
    this.steps = state.steps;
  }

  dispose(): void {
    for (const { m, v } of this.groups) {
      m?.dispose();
      v.dispose();
    }
  }

  private group(entries: ParameterEntry[]): Group {
    const sizes = entries.map((e) => e.variable.size);
    const total = sizes.reduce((a, b) => a + b, 0);
    return { entries, sizes, m: this.config.beta1 > 0 ? tf.zeros([total]) : undefined, v: tf.zeros([total]) };
  }
}

function replace(old: tf.Tensor1D, now: tf.Tensor1D): tf.Tensor1D {
  old.dispose();
  return tf.keep(now);
}
