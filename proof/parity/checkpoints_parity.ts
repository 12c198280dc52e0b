import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importCheckpoint } from '../../tools/convert/import';
import { loadRCAN } from '../../src/models/pretrained';
import { readNpz } from '../testing/npz';
import * as tf from '../../src/engine/tf';
import { compareArray } from './compare';
import type { GoldenFolder } from './folder';
import { original } from './generator';
import type { Section } from './row';

const FILES = ['rcan_tiny_jittor.pkl', 'rcan_tiny_numpy.pkl', 'rcan_tiny_torch.pth', 'rcan_tiny.safetensors'];

/** The small RCAN that Jittor, numpy, PyTorch and safetensors saved, imported, on the input of `checkpoints/rcan_tiny_io.npz`. */
export async function checkpointSection(folder: GoldenFolder): Promise<Section> {
  const section: Section = { title: 'RCAN from imported checkpoints', reference: "Jittor's own output (checkpoints/rcan_tiny_io.npz)", rows: [], notes: [] };
  const at = (name: string) => join(folder.file('checkpoints'), name);
  if (!existsSync(at('rcan_tiny_io.npz'))) return { ...section, notes: ['There is no checkpoints/rcan_tiny_io.npz in the folder.'] };
  const io = readNpz(at('rcan_tiny_io.npz'));
  const input = io.get('in')!;
  const scratch = await mkdtemp(join(tmpdir(), 'parity-'));
  try {
    for (const name of FILES.filter((n) => existsSync(at(n)))) {
      const { target } = await importCheckpoint(at(name), join(scratch, `${name}.safetensors`));
      const rcan = await loadRCAN(target);
      tf.tidy(() => {
        const x = tf.transpose(tf.tensor(input.data, input.shape as [number], 'float32') as tf.Tensor, [0, 2, 3, 1]) as tf.Tensor4D;
        section.rows.push(compareArray(`output with ${name}`, original(rcan.forward(x)), io.get('out')!));
      });
      rcan.dispose();
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
  return section;
}
