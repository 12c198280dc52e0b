/** Principal components: the directions in which features vary most, for showing them in colours. */
import * as tf from '../../src/engine/tf';
import type { RgbImage } from '../../src/data/types';

/** A linear map from C channels to a few numbers: (x - mean) * directions. */
export interface Projection {
  /** [C] */
  mean: Float64Array;
  /** Orthonormal, the one of the largest variance first; each [C]. */
  directions: Float64Array[];
}

/**
 * The first `count` principal components of features [..., C]: eigenvectors of their covariance by subspace iteration. Signs are fixed by
 * making each direction's largest entry positive. The tensor is not disposed.
 */
export async function principalComponents(features: tf.Tensor, count = 3): Promise<Projection> {
  const channels = features.shape[features.rank - 1];
  if (count > channels) throw new RangeError(`${channels} channels have no ${count} principal components`);
  const [meanTensor, covarianceTensor] = tf.tidy(() => {
    const x = tf.reshape(features, [-1, channels]) as tf.Tensor2D;
    const mean = tf.mean(x, 0, true);
    const centred = tf.sub(x, mean) as tf.Tensor2D;
    return [mean, tf.div(tf.matMul(centred, centred, true), x.shape[0])];
  });
  const mean = Float64Array.from(await meanTensor.data());
  const covariance = Float64Array.from(await covarianceTensor.data());
  tf.dispose([meanTensor, covarianceTensor]);
  return { mean, directions: largestEigenvectors(covariance, channels, count) };
}

/** More than enough where eigenvalues differ; where they do not, any mixture of their directions is as good. */
const ITERATIONS = 300;

function largestEigenvectors(matrix: Float64Array, n: number, count: number): Float64Array[] {
  // A fixed start that no eigenvector is orthogonal to by accident.
  let vectors = Array.from({ length: count }, (_, k) => Float64Array.from({ length: n }, (_unused, i) => Math.cos(1 + i * (k + 1)) + (i === k ? 1 : 0)));
  for (let i = 0; i < ITERATIONS; i++) vectors = orthonormal(vectors.map((v) => multiply(matrix, v)));
  return vectors.map((v) => {
    const largest = v.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    return largest < 0 ? v.map((x) => -x) : v;
  });
}

function multiply(matrix: Float64Array, v: Float64Array): Float64Array {
  return v.map((_, i) => dot(matrix.subarray(i * v.length, (i + 1) * v.length), v));
}

/** Gram and Schmidt, each vector twice; a direction without any variance becomes the first axis that is left. */
function orthonormal(vectors: Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    let v = clean(vector, done);
    for (let axis = 0; !(dot(v, v) > 1e-200); axis++)
      v = clean(
        v.map((_, i) => (i === axis ? 1 : 0)),
        done,
      );
    const length = Math.sqrt(dot(v, v));
    done.push(v.map((x) => x / length));
  }
  return done;
}

function clean(vector: Float64Array, others: readonly Float64Array[]): Float64Array {
  let v = vector;
  for (let twice = 0; twice < 2; twice++) {
    for (const other of others) {
      const share = dot(v, other);
      v = v.map((x, i) => x - share * other[i]);
    }
  }
  return v;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Features [1,H,W,C] in a projection: one map of H*W numbers for each direction. The tensor is not disposed. */
export async function project(features: tf.Tensor4D, { mean, directions }: Projection): Promise<Float32Array[]> {
  const { length } = directions;
  const projected = tf.tidy(() => {
    const matrix = tf.tensor2d(
      Float32Array.from({ length: mean.length * length }, (_, i) => directions[i % length][Math.floor(i / length)]),
      [mean.length, length],
    );
    const centred = tf.sub(tf.reshape(features, [-1, mean.length]), tf.tensor1d(Float32Array.from(mean)));
    return tf.transpose(tf.matMul(centred as tf.Tensor2D, matrix));
  });
  const values = (await projected.data()) as Float32Array;
  projected.dispose();
  const size = values.length / length;
  return directions.map((_, k) => values.slice(k * size, (k + 1) * size));
}

/** Smallest and largest value of each component that colours tell apart. */
export type Ranges = readonly (readonly [low: number, high: number])[];

/** The range of each component without its lowest and highest 2 %. */
export function rangesOf(components: readonly Float32Array[]): Ranges {
  return components.map((values) => {
    const sorted = Float32Array.from(values).sort();
    const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
    return [at(0.02), at(0.98)] as const;
  });
}

/** How far colours leave grey; brighter and darker ones would be cut off. */
const CHROMA = 0.4;

/**
 * Three components as a picture: the first as lightness, which every reader sees, the second from yellow to blue, the third from green to
 * red (BT.601's luma and colour differences).
 */
export function componentsImage([first, second, third]: readonly Float32Array[], ranges: Ranges, height: number, width: number): RgbImage {
  const data = new Uint8Array(height * width * 3);
  const share = (value: number, [low, high]: readonly [number, number]) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  for (let i = 0; i < height * width; i++) {
    const light = 0.1 + 0.8 * share(first[i], ranges[0]);
    const blue = CHROMA * (share(second[i], ranges[1]) - 0.5);
    const red = CHROMA * (share(third[i], ranges[2]) - 0.5);
    const channels = [light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue];
    channels.forEach((v, k) => (data[3 * i + k] = Math.round(255 * Math.min(1, Math.max(0, v)))));
  }
  return { data, height, width };
}
