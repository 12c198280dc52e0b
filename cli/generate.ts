import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readImage, throughJpeg, writeJpeg, writePng } from '../src/data/image';
import { labelFolder } from '../src/data/pairs';
import { resizeImage } from '../src/data/resize';
import { saveFigure } from '../src/figures/figure';
import { lgganPanel } from '../src/figures/lggan_panel';
import { sauKernels } from '../src/figures/sau_kernels';
import { imageFromTensor } from '../src/data/tensors';
import { chooseCheckpoint, loadGenerator, loadRCAN } from '../src/models/pretrained';
import { progress } from '../src/common/progress';
import { engineInfo } from '../src/engine/tf';
import { readMapping } from '../src/data/mapping';
import { LABEL_EXTENSIONS, hasExtension, stem } from '../src/common/files';
import { WrittenFiles, filesIn, refuseInputs } from '../src/common/targets';
import type { RgbImage, Size } from '../src/data/types';
import { AVERAGE_STYLE } from '../src/layers/style';
import { UserError } from '../src/common/errors';
import { parseSize, runCommand } from './arguments';
import { interruptible } from '../src/common/interrupt';
import * as tf from '../src/engine/tf';

/** An image at a size, where one is wanted. */
const fitted = (image: RgbImage, size?: Size) => (!size || (size[0] === image.height && size[1] === image.width) ? image : resizeImage(image, size));

void runCommand(
  {
    name: 'npm run generate --',
    description: 'Paints a photo for every label map of a folder: NAME.png -> NAME.jpg.',
    options: {
      input_path: { type: 'string', value: 'DIR', required: true, help: 'label maps (PNG)' },
      output_path: { type: 'string', value: 'DIR', required: true, help: 'where the images go' },
      checkpoint: { type: 'string', value: 'PATH', help: "generator: a run's folder or a .safetensors file; default: the network that comes with the project" },
      image_size: { type: 'string', value: 'HxW', help: 'size that the network paints at, multiples of 32; default: that of its checkpoint' },
      use_sr: { type: 'flag', help: 'enlarge x2 by RCAN before the image gets its size, instead of bicubic alone' },
      sr_checkpoint: { type: 'string', value: 'PATH', help: 'RCAN: likewise; default: the one that comes with the project' },
      mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
      attention: { type: 'flag', help: "also write how each image was put together, and SAU's kernels, as PNG" },
      png: { type: 'flag', help: 'write PNG instead of JPEG' },
      jpeg: {
        type: 'string',
        choices: ['paper', 'original'],
        default: 'paper',
        help: 'original: the small image goes through a JPEG before it is enlarged, as in the original',
      },
      size: {
        type: 'string',
        value: 'HxW|network',
        default: 'map',
        help: 'size of the images: map, that of each label map; HxW such as 384x512; network, as it paints (with --use_sr twice that)',
      },
      overwrite: { type: 'flag', help: 'replace files of --output_path that this command did not write, or that were changed since' },
      noise_seed: {
        type: 'integer',
        min: 0,
        max: 2 ** 32 - 1,
        default: 0,
        help: 'of a network with noise inputs: another number, another texture',
      },
      scene: {
        type: 'integer',
        min: 0,
        max: 2 ** 32 - 1,
        help: 'of a network with a style: paint in the light and the colours of this scene of training; default: of the one laid out most like each label map',
      },
      style: {
        type: 'string',
        value: 'FILE',
        words: ['average'],
        help: 'of a network with a style: in the place of a scene, paint in the light and the colours of this photo, or average: of the mean of all landscapes',
      },
      limit: { type: 'integer', min: 1, help: 'only the first so many' },
    },
    examples: ['npm run generate -- --input_path labels --output_path results --use_sr'],
  },
  async (args) => {
    const chosen = await chooseCheckpoint('LGGAN', args.checkpoint);
    const generator = await loadGenerator(chosen.path, { imageSize: parseSize(args.image_size) });
    const enlarging = args.use_sr ? await chooseCheckpoint('RCAN', args.sr_checkpoint) : undefined;
    const rcan = enlarging && (await loadRCAN(enlarging.path));
    if (!generator.styles && (args.style ?? args.scene) !== undefined) {
      throw new UserError(`--style and --scene: ${chosen.path} has no style; leave them out, or choose a network that was trained with --style.`);
    }
    const average = args.style === 'average';
    const photo = average ? undefined : args.style;
    const style = average ? AVERAGE_STYLE : photo === undefined ? undefined : await readImage(photo);
    const mapping = args.mapping ? await readMapping(args.mapping) : undefined;
    const labels = labelFolder(args.input_path, { limit: args.limit, mapping });
    const size = args.size === 'map' || args.size === 'network' ? args.size : parseSize(args.size, '--size');
    const targetsOf = (name: string) =>
      [args.png ? '.png' : '.jpg', ...(args.attention ? ['_parts.png', '_sau.png'] : [])].map((end) => join(args.output_path, `${name}${end}`));
    const targets = labels.names.flatMap(targetsOf);
    const record = new WrittenFiles(args.output_path);
    const maps = [args.input_path, join(args.input_path, 'labels')].flatMap(filesIn).filter((file) => hasExtension(file, LABEL_EXTENSIONS));
    refuseInputs([...maps.filter((file) => labels.names.includes(stem(file))), ...(args.mapping ? [args.mapping] : []), ...(photo ? [photo] : [])], targets);
    if (!args.overwrite) record.refuseOthers(targets);
    await mkdir(args.output_path, { recursive: true });
    console.log(engineInfo().description);
    console.log(chosen.sentence);
    if (enlarging) console.log(enlarging.sentence);
    const interrupt = interruptible();
    const shown = progress(labels.length, 'generating', { unit: 'images' });
    let [done, told] = [0, false];
    for (; done < labels.length && !interrupt.requested; done++) {
      const { name, labels: map } = await labels.at(done);
      const output = generator.generate(map, { attention: args.attention, noiseSeed: args.noise_seed, scene: args.scene, style });
      const painted = await imageFromTensor(output.final);
      const small = args.jpeg === 'original' ? await throughJpeg(painted) : painted;
      const wanted: Size | undefined = size === 'map' ? [map.height, map.width] : size === 'network' ? undefined : size;
      const image = fitted(rcan ? await rcan.upscale(small) : small, wanted);
      if (!told && map.height * small.width !== map.width * small.height) {
        told = true;
        shown.print(
          `${name} is ${map.height}x${map.width}, of another shape than the network's ${small.height}x${small.width}: such maps are stretched to it, and their images back.`,
        );
      }
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
      for (const file of targetsOf(name)) record.add(file);
      tf.dispose(output);
      shown.update(done + 1, name);
    }
    shown.finish(args.output_path);
    generator.dispose();
    rcan?.dispose();
  },
);
