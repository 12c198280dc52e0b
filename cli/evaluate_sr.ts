import { srCrops } from '../src/data/crops';
import { folderPairs, imageFolder } from '../src/data/pairs';
import { srFolders, srPairsOf, type SrPair } from '../src/data/sr_pairs';
import type { RgbImage } from '../src/data/types';
import { UserError } from '../src/common/errors';
import { markdownTable } from '../src/notebook/show';
import { psnr, ssim } from '../src/metrics/image_quality';
import { Edsr } from '../tools/judges/edsr';
import { chooseCheckpoint, loadRCAN } from '../src/models/pretrained';
import { findWeights } from '../tools/judges/weights';
import { bicubicEnlarged } from '../src/data/sr_pairs';
import { runCommand } from './arguments';

type Enlarge = (pair: SrPair) => RgbImage | Promise<RgbImage>;

/** As the papers' tables have it: luminance, two pixels of border left out. */
const LUMINANCE = { channel: 'y', border: 2 } as const;

void runCommand(
  {
    name: 'npm run evaluate-sr --',
    description: 'Compares RCAN x2 with bicubic interpolation and, where checkpoints/ has it, EDSR: PSNR and SSIM on images that have been halved.',
    options: {
      input_path: { type: 'string', value: 'DIR', required: true, help: 'images at full size; with --crops a folder with imgs/ and labels/' },
      low: { type: 'string', value: 'DIR', help: "their halves, in the same order of names; default: made by Pillow's bicubic" },
      crops: { type: 'flag', help: 'the held-out strips of few large photos, as `npm run train-rcan -- --crops` leaves them' },
      sr_checkpoint: { type: 'string', value: 'PATH', help: "RCAN: a run's folder or a .safetensors file; default: the one that comes with the project" },
      self_ensemble: { type: 'flag', help: 'also RCAN+: the mean over the image turned eight ways' },
      edsr: { type: 'string', value: 'FILE', help: 'weights of EDSR; default: those in checkpoints/' },
      json: { type: 'flag', help: 'print the figures as JSON' },
    },
  },
  async ({ input_path, low, crops, sr_checkpoint, self_ensemble, edsr: edsrFile, json }) => {
    if (crops && low) throw new UserError('--low: with --crops the halves are made; leave it out.');
    const pairs = crops
      ? await srCrops(folderPairs(input_path), 'held-out')
      : low
        ? srFolders(imageFolder(low), imageFolder(input_path))
        : srPairsOf(imageFolder(input_path));
    const chosen = await chooseCheckpoint('RCAN', sr_checkpoint);
    const rcan = await loadRCAN(chosen.path);
    const file = edsrFile ?? findWeights('edsr');
    const edsr = file ? await Edsr.load(file) : undefined;
    const methods: [string, Enlarge][] = [
      ['bicubic', bicubicEnlarged],
      ['RCAN', (pair) => rcan.upscale(pair.low)],
      ...(self_ensemble ? [['RCAN+', (pair: SrPair) => rcan.upscale(pair.low, { selfEnsemble: true })] as [string, Enlarge]] : []),
      ...(edsr ? [['EDSR', (pair: SrPair) => edsr.upscale(pair.low)] as [string, Enlarge]] : []),
    ];
    const columns = ['PSNR Y (dB)', 'SSIM Y', 'PSNR RGB (dB)'] as const;
    const measured = methods.map(() => columns.map((): number[] => []));
    const notes: string[] = [];
    let images = 0;
    for (let i = 0; i < pairs.length; i++) {
      try {
        const pair = await pairs.at(i);
        const values: number[][] = [];
        for (const [, enlarge] of methods) {
          const image = await enlarge(pair);
          values.push([psnr(image, pair.high, LUMINANCE), ssim(image, pair.high, LUMINANCE), psnr(image, pair.high)]);
        }
        // Rows compare over the same pictures: what is infinite for one method is part of no method's mean.
        columns.forEach((_, c) => values.every((row) => Number.isFinite(row[c])) && values.forEach((row, m) => measured[m][c].push(row[c])));
        images++;
        const equal = methods.filter((_, m) => values[m].some((v) => !Number.isFinite(v))).map(([method]) => method);
        if (equal.length) notes.push(`${pairs.names[i]}: equal to the original by ${equal.join(', ')}; its PSNR is infinite and part of no method's mean.`);
      } catch (e) {
        if (!(e instanceof UserError)) throw e;
        const name = pairs.names[i];
        notes.push(`Left out: ${e.message.startsWith(name) ? '' : `${name}: `}${e.message}`);
      }
    }
    if (!images) throw new UserError(notes.join('\n') || `${pairs.source}: there is no picture in it.`);
    const mean = (values: number[]) => (values.length ? values.reduce((sum, v) => sum + v, 0) / values.length : '-');
    const rows = methods.map(([method], m) => ({
      method,
      images,
      ...Object.fromEntries(columns.map((column, c) => [column, mean(measured[m][c])])),
    }));
    for (const note of notes) console.error(note);
    if (json) console.log(JSON.stringify(rows, undefined, 2));
    else {
      console.log(`${pairs.source}\n${chosen.sentence}\n\n${markdownTable(rows)}\n`);
      console.log(edsr ? `EDSR: ${edsr.name}` : 'EDSR is left out: its weights are not in checkpoints/ (`npm run download -- weights` says more).');
    }
    rcan.dispose();
    await edsr?.dispose();
  },
);
