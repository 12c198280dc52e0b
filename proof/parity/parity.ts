import { UserError } from '../../src/common/errors';
import { checkpointSection } from './checkpoints_parity';
import { resizeSection, splitSection } from './data_parity';
import { discriminatorSections } from './discriminator_parity';
import type { GoldenFolder } from './folder';
import { generatorSections } from './generator_parity';
import { gradientSections, lossSections } from './losses_parity';
import { contestSection, inceptionSection, set5Section } from './metrics_parity';
import { GoldenNetworks } from './networks';
import { rcanSections } from './rcan_parity';
import type { Section } from './row';
import { compareTrainingStep } from './training_step';

/** What can be compared. */
export const PARTS = ['generator', 'discriminator', 'losses', 'gradients', 'rcan', 'step', 'checkpoints', 'data', 'metrics'] as const;
export type Part = (typeof PARTS)[number];

export interface ParityOptions {
  /** What to compare. Default: all of it. */
  parts?: readonly Part[];
  /** Also name what the folder and this machine lack, instead of passing over it. Default false. */
  tellMissing?: boolean;
  onProgress?: (done: number, total: number, note?: string) => void;
}

type Job = [part: Part, name: string, run: () => Section[] | Promise<Section[]>];

/**
 * Compares everything that a folder of golden files tells of with what is computed here: weights by its formula.json, inputs from `in/label`
 * and `in/image` of its archives. What
 * was published elsewhere (Set5, the contest's rows) is compared where `metrics` is asked for by name, or with `tellMissing`.
 * @throws UserError that names the file if one is damaged, or if nothing can be compared
 */
export async function compareFolder(folder: GoldenFolder, options: ParityOptions = {}): Promise<Section[]> {
  const { parts = PARTS, tellMissing = false, onProgress } = options;
  const networks = new GoldenNetworks(folder);
  const one = (section: Section | undefined) => (section ? [section] : []);
  const names = folder.documentNames();
  const published: Job[] = [
    ['metrics', 'Set5', async () => one(await set5Section())],
    ['metrics', 'contest score', () => one(contestSection())],
  ];
  const jobs: Job[] = [
    ...names.map((name): Job => ['generator', name, () => generatorSections(networks, name)]),
    ...names.map((name): Job => ['discriminator', name, () => discriminatorSections(networks, name)]),
    ...names.map((name): Job => ['losses', name, () => lossSections(networks, name)]),
    ...names.map((name): Job => ['gradients', name, () => gradientSections(networks, name)]),
    ...names.map((name): Job => ['rcan', name, () => rcanSections(folder, name)]),
    ['step', 'training step', () => one(compareTrainingStep(folder))],
    ['checkpoints', 'imported checkpoints', async () => one(await checkpointSection(folder))],
    ['data', 'split', () => one(splitSection(folder))],
    ['data', 'resizing', async () => one(await resizeSection(folder))],
    ['metrics', 'Inception', async () => one(await inceptionSection(folder))],
    ...(options.parts?.includes('metrics') || tellMissing ? published : []),
  ];
  const wanted = jobs.filter(([part]) => parts.includes(part));
  const sections: Section[] = [];
  try {
    for (const [i, [part, name, job]] of wanted.entries()) {
      onProgress?.(i, wanted.length, `${part}: ${name}`);
      // These need the memory for networks of their own.
      if (part === 'step' || part === 'metrics') networks.dispose();
      const found = await job();
      sections.push(...found.filter((s) => tellMissing || s.rows.length > 0 || names.includes(name)));
      // The progress display and Ctrl-C get their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    networks.dispose();
  }
  onProgress?.(wanted.length, wanted.length, '');
  if (!sections.some((s) => s.rows.length))
    throw new UserError(`${folder.path}: nothing in it can be compared; it has to hold .npz files with in/label and outputs named as in the golden files.`);
  return sections;
}
