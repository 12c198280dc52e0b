/** A worker of cluster.test.ts: `cluster.run.ts TASK RANK ADDRESSES`. `time` says how long means of 6 and 110 million numbers take (docs/scaling.md). */
import { UserError } from '../../src/common/errors';
import { Cluster } from '../../src/engine/cluster';
import { compiled } from '../../src/engine/compiled';
import * as tf from '../../src/engine/tf';

const [task, rank, addresses] = process.argv.slice(2);

async function main(): Promise<void> {
  const same = { options: task === 'differ' ? rank : 'x' };
  const group = await Cluster.join(
    { addresses: addresses.split(','), rank: Number(rank) },
    { startSeconds: Number(process.env.START ?? 60), answerSeconds: 1, same, onMessage: (m) => console.log(m) },
  );
  console.log('joined');
  const own = group.rank + 1;
  const tensors = tf.memory().numTensors;
  if (task === 'sums') {
    const results: unknown[] = [];
    const add = (t: tf.Tensor) => {
      results.push(Array.from(t.dataSync()));
      t.dispose();
    };
    add(tf.tidy(() => group.sum(tf.tensor1d([own, 10 * own]))));
    add(tf.tidy(() => group.gather(tf.tensor1d([own, -own]))));
    results.push(group.any(group.rank === 1), group.any(false), group.told({ rank: group.rank, list: [1, 'ä'] }));
    // More than a bucket, unevenly cut.
    const many = tf.tidy(() => [tf.fill([3, 5], own), tf.fill([2_100_000], own), tf.fill([2_100_000], 2 * own), tf.scalar(own)].map((t) => tf.keep(t)));
    for (const f of [group.means, group.tensorsOfFirst]) {
      const made = f.call(group, many);
      results.push(made.map((t) => [t.shape, tf.tidy(() => [tf.min(t), tf.max(t)].map((v) => v.dataSync()[0]))]));
      tf.dispose(made);
    }
    tf.dispose(many);
    const f = compiled((x: tf.Tensor) => group.during(5, () => group.sum(tf.mul(group.sum(tf.reshape(tf.mul(x, 2), [-1])), 3))), { onMismatch: 'throw' });
    // The second worker records anew in the third call, where the others run what they have.
    for (const shape of [[2], [2], group.rank === 1 ? [2, 1] : [2], [2]]) add(tf.tidy(() => f(tf.fill(shape, own))));
    // Random numbers: the same bits for each worker, in whichever order they were added.
    const noise = tf.tidy(() => group.sum(tf.randomNormal([1000], 0, 1, 'float32', own)));
    add(noise);
    console.log(`result ${JSON.stringify({ results, recordings: f.recordings, leaked: tf.memory().numTensors - tensors })}`);
    group.leave();
    return;
  }
  if (task === 'time') {
    for (const millions of [0.001, 6, 110]) {
      const pieces = Math.ceil(millions / 4);
      const tensors = tf.tidy(() => Array.from({ length: pieces }, () => tf.keep(tf.ones([Math.round((1e6 * millions) / pieces)]))));
      const times: number[] = [];
      for (let i = 0; i < 7; i++) {
        const began = performance.now();
        const means = group.means(tensors);
        means[means.length - 1].dataSync();
        times.push(performance.now() - began);
        tf.dispose(means);
      }
      tf.dispose(tensors);
      times.sort((a, b) => a - b);
      console.log(`${millions} million numbers: ${times[3].toFixed(1)} ms in the median of 7, ${times[0].toFixed(1)} at least`);
    }
    group.leave();
    return;
  }
  // Adds up until something happens.
  try {
    for (let i = 0; ; i++) {
      tf.tidy(() => group.during(1, () => group.sum(tf.scalar(1)).dataSync()));
      if (i === 20) console.log('adding');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } catch (e) {
    throw group.explain(e);
  }
}

main().catch((e: unknown) => {
  console.error(e instanceof UserError ? e.message : e);
  process.exitCode = e instanceof UserError ? 2 : 1;
});
