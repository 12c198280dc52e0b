import { mkdirSync } from 'node:fs';
import sharp from 'sharp';
import type { RgbImage } from '../data/types';
import { UserError } from '../common/errors';
import * as tf from '../engine/tf';

/** Where a run's curves and samples go for `tensorboard --logdir FOLDER`. */
export interface EventLog {
  /** One point for each name, at this step. */
  scalars(step: number, values: Record<string, number>): void;
  /** A picture, shown under its name with a slider over the steps. */
  image(step: number, name: string, image: RgbImage): Promise<void>;
  /** Puts everything on the disk; it happens by itself every two minutes otherwise. */
  flush(): void;
}

/** The parts of tfjs-node that are used here and have no types in TensorFlow.js itself. */
interface NativeBackend {
  binding: {
    executeOp(name: string, attributes: object[], inputs: number[], outputs: number): unknown;
    deleteTensor(id: number): void;
  } & Record<string, number>;
  getInputTensorIds(inputs: unknown[]): number[];
}
interface Writer {
  resourceHandle: tf.Tensor;
  scalar(name: string, value: number, step: number): void;
  flush(): void;
}

/**
 * TensorBoard's event files in `folder`, by the summary writer of tfjs-node. Without the native engine nothing is
 * written: `warn` gets one sentence and the log is a mute one.
 */
export function eventLog(folder: string, warn: (sentence: string) => void = console.warn): EventLog {
  if (!tf.hasNativeKernels()) {
    warn(
      `TensorBoard's files in ${folder} are not written: they need the native engine (npm run doctor says why it is missing). The history's CSV has the same numbers.`,
    );
    return { scalars: () => undefined, image: async () => undefined, flush: () => undefined };
  }
  try {
    mkdirSync(folder, { recursive: true });
  } catch (e) {
    throw new UserError(
      `${folder} cannot be made (${(e as NodeJS.ErrnoException).code}): choose another folder for TensorBoard's files.`,
      { cause: e },
    );
  }
  const { node } = require('@tensorflow/tfjs-node') as { node: { summaryFileWriter(folder: string): Writer } };
  const writer = node.summaryFileWriter(folder);
  return {
    scalars(step, values) {
      for (const [name, value] of Object.entries(values)) writer.scalar(name, value, step);
    },
    async image(step, name, { data, width, height }) {
      const png = await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      writeSummary(writer, step, name, [Buffer.from(String(width)), Buffer.from(String(height)), png], IMAGES);
    },
    flush: () => writer.flush(),
  };
}

/**
 * The message SummaryMetadata { plugin_data { plugin_name: "images" } data_class: DATA_CLASS_BLOB_SEQUENCE } in
 * protobuf's encoding.
 */
const IMAGES = Uint8Array.of(0x0a, 8, 0x0a, 6, ...Buffer.from('images'), 0x20, 3);

/**
 * tfjs-node wraps scalars and histograms only; an image is a tensor of the strings [width, height, PNG] under the
 * plugin's name.
 */
function writeSummary(writer: Writer, step: number, name: string, values: Uint8Array[], metadata: Uint8Array): void {
  const { Int64Scalar } = require('@tensorflow/tfjs-node/dist/int64_tensors') as {
    Int64Scalar: new (value: number) => unknown;
  };
  const backend = tf.backend() as unknown as NativeBackend;
  const { binding } = backend;
  const strings = (bytes: Uint8Array[], shape: number[]) =>
    tf.engine().makeTensor(bytes as unknown as string[], shape, 'string');
  tf.tidy(() => {
    const inputs = [
      writer.resourceHandle,
      new Int64Scalar(step),
      strings(values, [values.length]),
      tf.scalar(name, 'string'),
      strings([metadata], []),
    ];
    const ids = backend.getInputTensorIds(inputs);
    binding.executeOp('WriteSummary', [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_STRING }], ids, 0);
    // The engine does not know of this one.
    binding.deleteTensor(ids[1]);
  });
}
