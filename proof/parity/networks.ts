import { originalShape } from '../../src/checkpoints/layout';
import { UserError } from '../../src/common/errors';
import { withoutDrawing, type Parameters } from '../../src/layers/core/parameters';
import { Discriminator } from '../../src/models/discriminator';
import { LGGAN } from '../../src/models/lggan/lggan';
import * as tf from '../../src/engine/tf';
import type { GoldenFolder } from './folder';
import { applyFormula, indexOf, type GoldenIndex } from './formula';

/**
 * The networks of a golden folder in the original's way, filled by its formula. Sizes are read off its lists of names; without lists they are
 * the original's.
 */
export class GoldenNetworks {
  private g?: LGGAN;
  private d?: Discriminator;

  constructor(readonly folder: GoldenFolder) {}

  get generator(): LGGAN {
    if (this.g) return this.g;
    const listed = this.folder.index('G_index');
    const g = withoutDrawing(() => new LGGAN({ ...(listed && generatorSize(listed)), behaviour: 'original' }));
    this.g = g;
    this.fill(false);
    return g;
  }

  get discriminator(): Discriminator {
    if (this.d) return this.d;
    const listed = this.folder.index('D_index');
    const d = withoutDrawing(() => new Discriminator({ ...(listed && discriminatorSize(listed)), behaviour: 'original' }));
    this.d = d;
    this.named(() => applyFormula(d.parameters, listed, this.folder.formula));
    return d;
  }

  /**
   * Gives the generator the formula's values and the statistics of a fresh network. `nudged`: every weight moved by the last bit of float32,
   * up or down in an arbitrary pattern, which shows how far rounding alone carries.
   */
  fill(nudged: boolean): void {
    const { parameters } = this.generator;
    this.named(() => applyFormula(parameters, this.folder.index('G_index') ?? generatorIndex(parameters), this.folder.formula, nudged));
    freshStatistics(parameters);
  }

  dispose(): void {
    this.g?.dispose();
    this.d?.dispose();
    this.g = this.d = undefined;
  }

  private named(fill: () => void): void {
    try {
      fill();
    } catch (e) {
      throw new UserError(`${this.folder.path}: ${(e as Error).message}; its list of names does not describe the original's network.`, { cause: e });
    }
  }
}

/** Batch norm as it starts: mean 0, variance 1. */
export function freshStatistics(parameters: Parameters): void {
  for (const { name, variable } of parameters.entries()) {
    if (name.endsWith('running_mean')) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
    if (name.endsWith('running_var')) tf.tidy(() => variable.assign(tf.onesLike(variable)));
  }
}

/** The original also counts an `fc` that nothing uses. */
function generatorIndex(parameters: Parameters): GoldenIndex {
  const entries = parameters.entries().map((e) => ({ name: e.name, shape: originalShape(e.kind, e.variable.shape) }));
  const [, classes] = entries.find((e) => e.name === 'conv1.weight')!.shape;
  const [channels] = entries.find((e) => e.name === 'conv5.bias')!.shape;
  return indexOf([...entries, { name: 'fc.weight', shape: [channels, classes, 3, 3] }, { name: 'fc.bias', shape: [channels] }]);
}

function generatorSize(index: GoldenIndex) {
  const size = (name: string, axis: number) => index.find((row) => row[1] === name)?.[2][axis];
  const blocks = index.filter(([, name]) => /^resnet_blocks\d+\.conv1\.weight$/.test(name)).length;
  return {
    classes: size('conv1.weight', 1),
    ngf: size('conv1.weight', 0),
    spadeHidden: size('head_0.norm_0.mlp_shared.0.bias', 0),
    sauCompressed: size('deconv3_local.sakg_block.feature_channel_compression.bias', 0),
    residualBlocks: blocks,
  };
}

function discriminatorSize(index: GoldenIndex) {
  const first = index.find((row) => row[1].endsWith('model0.0.weight'))?.[2];
  const count = (pattern: RegExp) => new Set(index.map((row) => pattern.exec(row[1])?.[1]).filter(Boolean)).size;
  return {
    ndf: first?.[0],
    classes: first && first[1] - 3,
    scales: count(/discriminator_(\d+)\./),
    layers: count(/discriminator_0\.model\.model(\d+)\./) - 1,
  };
}
