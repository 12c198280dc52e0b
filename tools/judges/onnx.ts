import { existsSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-common';
import { refuseStandIn } from '../../src/common/stand_in';
import { UserError } from '../../src/common/errors';
import { WEIGHTS, type WeightsName } from './weights';

/** What onnxruntime-node exports; this release of it carries no types. */
interface Runtime {
  InferenceSession: InferenceSessionFactory;
  Tensor: TensorConstructor;
}

/** The runtime, loaded when it is first needed: the project runs without it. */
async function runtime(): Promise<Runtime> {
  try {
    return require('onnxruntime-node') as Runtime;
  } catch (e) {
    const reason = (e as Error).message.split('\n')[0];
    throw new UserError(`Networks in ONNX need onnxruntime-node, which does not load here (${reason}); run \`npm install\`, or go without them.`, { cause: e });
  }
}

/** Whether networks in ONNX can run on this machine. */
export const hasOnnxRuntime = (): Promise<boolean> =>
  runtime().then(
    () => true,
    () => false,
  );

/** A network from an ONNX file with one input and one output, on the CPU. */
export class OnnxNetwork {
  private constructor(
    private readonly session: InferenceSession,
    private readonly ort: Runtime,
    /** Name of the file and the beginning of its checksum, for tables. */
    readonly source: string,
  ) {}

  /**
   * Loads the network `name`. Its file has to be the one listed in `WEIGHTS`, unless `unlisted` allows any of that kind (one that the
   * user names and answers for).
   * @throws UserError naming the file: missing, another checksum, not ONNX; or that the runtime is missing
   */
  static async load(name: WeightsName, file: string, { unlisted = false } = {}): Promise<OnnxNetwork> {
    const ort = await runtime();
    if (!existsSync(file)) throw new UserError(`${file}: there is no such file; \`npm run download -- weights\` says how to get it.`);
    const bytes = readFileSync(file);
    refuseStandIn(bytes, file);
    const sum = createHash('sha256').update(bytes).digest('hex');
    const { sha256 } = WEIGHTS[name].files[0];
    if (sum !== sha256 && !unlisted) {
      throw new UserError(
        `${file}: its checksum is ${sum.slice(0, 12)}... instead of ${sha256.slice(0, 12)}...: it is another file, or damaged; ` +
          'get it again with `npm run download -- weights`.',
      );
    }
    try {
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
      const listed = sum === sha256 ? '' : ', not the listed file';
      return new OnnxNetwork(session, ort, `${basename(file)}, sha256 ${sum.slice(0, 8)}${listed}`);
    } catch (e) {
      throw new UserError(`${file}: the network cannot be loaded (${(e as Error).message.split('\n')[0]}); get it again.`, { cause: e });
    }
  }

  /** Runs the network on one tensor. */
  async run(type: 'uint8', data: Uint8Array, dims: readonly number[]): Promise<Tensor>;
  async run(type: 'float32', data: Float32Array, dims: readonly number[]): Promise<Tensor>;
  async run(type: 'uint8' | 'float32', data: Uint8Array | Float32Array, dims: readonly number[]): Promise<Tensor> {
    const tensor = type === 'uint8' ? new this.ort.Tensor(type, data as Uint8Array, dims) : new this.ort.Tensor(type, data as Float32Array, dims);
    const result = await this.session.run({ [this.session.inputNames[0]]: tensor });
    return result[this.session.outputNames[0]] as Tensor;
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }
}
