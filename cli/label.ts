import { join } from 'node:path';
import { UserError } from '../src/common/errors';
import { labelPhotos, reportText } from '../tools/labelling/label_photos';
import { SceneSegmenter } from '../tools/judges/scene_segmenter';
import { findWeights } from '../tools/judges/weights';
import { progress } from '../src/common/progress';
import { runCommand } from './arguments';
import { interruptible } from '../src/common/interrupt';

void runCommand(
  {
    name: 'npm run label --',
    description:
      'Writes label maps for photographs with a scene segmenter, in the layout that `npm run train` reads, with overlays to look at ' +
      'and a report of what was found and what is doubtful.',
    options: {
      input_path: { type: 'string', value: 'DIR', required: true, help: 'photographs of any size and orientation' },
      output_path: { type: 'string', value: 'DIR', required: true, help: 'gets imgs/, labels/, overlays/, report.json, report.txt' },
      as: { type: 'list', value: 'CLASS=CLASS', help: 'label what the segmenter calls the first as the second, such as water=lake mountain=hill' },
      max_side: { type: 'integer', min: 256, default: 1600, help: 'longer side in pixels; larger photographs are made smaller' },
      overwrite: { type: 'flag', help: 'replace files of --output_path that this command did not write, or that were changed since' },
      weights: { type: 'string', value: 'FILE', help: 'another file of the segmenter; default: the one in checkpoints/' },
    },
    examples: ['npm run label -- --input_path my_photos --output_path datasets/mine', 'npm run train -- --input_path datasets/mine --crops'],
  },
  async (args) => {
    const file = args.weights ?? findWeights('segmenter');
    if (!file) throw new UserError('checkpoints/mosaic_ade20k.onnx, the scene segmenter, is missing; `npm run download -- weights` says how to get it.');
    const segmenter = await SceneSegmenter.load(file, { unlisted: args.weights !== undefined });
    const interrupt = interruptible();
    let bar: ReturnType<typeof progress> | undefined;
    try {
      const report = await labelPhotos(segmenter, args.input_path, args.output_path, {
        as: args.as,
        maxSide: args.max_side,
        overwrite: args.overwrite,
        signal: interrupt.signal,
        onProgress: (done, total, note) => (bar ??= progress(total, 'labelling', { unit: 'photographs' })).update(done, note),
      });
      bar?.finish(args.output_path);
      console.log(reportText(report));
      console.log(`Look at the pictures in ${join(args.output_path, 'overlays')} before you train on the label maps.`);
    } finally {
      interrupt.dispose();
      await segmenter.dispose();
    }
  },
);
