import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { throughJpeg, writeJpeg, writePng } from '../src/data/image';
import { labelFolder } from '../src/data/pairs';
import { resizeImage } from '../src/data/resize';
import { saveFigure } from '../src/figures/figure';
import { lgganPanel } from '../src/figures/lggan_panel';
import { sauKernels } from '../src/figures/sau_kernels';
import { imageFromTensor } from '../src/data/tensors';
import { disposeOutput } from '../src/models/lggan/generator';
import { chooseCheckpoint, loadGenerator, loadRCAN } from '../src/models/pretrained';
import { progress } from '../src/common/progress';
import { engineInfo } from '../src/engine/tf';
import { readMapping } from '../src/data/mapping';
import { inputFiles, refuseInputs } from '../src/common/targets';
import { interruptible, runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run generate --',
    description: 'Paints a photo for every label map of a folder: NAME.png -> NAME.jpg.',
    options: {
      input_path: { type: 'string', value: 'DIR', required: true, help: 'label maps (PNG)' },
      output_path: { type: 'string', value: 'DIR', required: true, help: 'where the images go' },
      checkpoint: { type: 'string', value: 'PATH', help: 'generator: a run\'s folder or a .safetensors file; default: the network that comes with the project' },
      use_sr: { type: 'flag', help: 'enlarge x2 by RCAN instead of bicubic' },
      sr_checkpoint: { type: 'string', value: 'PATH', help: 'RCAN: likewise; default: the one that comes with the project' },
      mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
      attention: { type: 'flag', help: 'also write how each image was put together, and SAU\'s kernels, as PNG' },
      png: { type: 'flag', help: 'write PNG instead of JPEG' },
      jpeg: {
        type: 'string',
        choices: ['paper', 'original'],
        default: 'paper',
        help: 'original: the small image goes through a JPEG before it is enlarged, as in the original',
      },
      limit: { type: 'integer', min: 1, help: 'only the first so many' },
    },
    examples: ['npm run generate -- --input_path labels --output_path results --use_sr'],
  },
  async (args) => {
    const chosen = await chooseCheckpoint('LGGAN', args.checkpoint);
    const generator = await loadGenerator(chosen.path);
    const enlarging = args.use_sr ? await chooseCheckpoint('RCAN', args.sr_checkpoint) : undefined;
    const rcan = enlarging && (await loadRCAN(enlarging.path));
    const mapping = args.mapping ? await readMapping(args.mapping) : undefined;
    const labels = labelFolder(args.input_path, { limit: args.limit, mapping });
    const endings = [args.png ? '.png' : '.jpg', ...(args.attention ? ['_parts.png', '_sau.png'] : [])];
    refuseInputs(inputFiles(args.input_path), labels.names.flatMap((name) => endings.map((ending) => join(args.output_path, `${name}${ending}`))));
    await mkdir(args.output_path, { recursive: true });
    console.log(engineInfo().description);
    console.log(chosen.sentence);
    if (enlarging) console.log(enlarging.sentence);
    const interrupt = interruptible();
    const shown = progress(labels.length, 'generating', { unit: 'images' });
    let done = 0;
    for (; done < labels.length && !interrupt.requested; done++) {
      const { name, labels: map } = await labels.at(done);
      const output = generator.generate(map, { attention: args.attention });
      const painted = await imageFromTensor(output.final);
      const small = args.jpeg === 'original' ? await throughJpeg(painted) : painted;
      const image = rcan ? await rcan.upscale(small) : resizeImage(small, [2 * small.height, 2 * small.width]);
      const target = join(args.output_path, name);
      await (args.png ? writePng(`${target}.png`, image) : writeJpeg(`${target}.jpg`, image));
      if (args.attention) {
        await saveFigure(`${target}_parts`, lgganPanel(output, map, { title: name }), { formats: ['png'] });
        const kernels = output.attention?.local[1];
        if (kernels) {
          const title = `${name}: SAU kernels`;
          await saveFigure(`${target}_sau`, sauKernels(kernels, map, { title, background: small }), { formats: ['png'] });
        }
      }
      disposeOutput(output);
      shown.update(done + 1, name);
    }
    shown.finish(args.output_path);
    generator.dispose();
    rcan?.dispose();
  },
);
