import assert from 'node:assert/strict';
import test from 'node:test';
import { liveTraining } from './live';
import { pretendNotebook } from '../../proof/testing/figures';

const image = { width: 16, height: 12, data: new Uint8Array(576).fill(50) };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a training is watched in three outputs that are rewritten', async () => {
  const notebook = pretendNotebook();
  try {
    const live = liveTraining({ title: 'toy', main: 'loss', drawEvery: 0 });
    for (let step = 1; step <= 4; step++) {
      await live.onStep({ step, loss: 1 / step }, step, 4);
      if (step % 2 === 0) await live.sample([image], step);
    }
    live.message('a checkpoint was passed over');
    await live.finish();
    await live.finish();
    assert.deepEqual(
      notebook.outputs.map((o) => o.type),
      ['text', 'png', 'png'],
    );
    assert.match(notebook.outputs[0].content as string, /a checkpoint was passed over\ntoy {2}4 steps in/);
  } finally {
    notebook.close();
  }
});

test('an interrupt asks the training to stop; a second one, and those after the training, reach the listeners before', async () => {
  const heard: string[] = [];
  const listener = () => void heard.push('before');
  process.on('SIGINT', listener);
  const notebook = pretendNotebook();
  try {
    const live = liveTraining({ title: 'toy' });
    await live.onStep({ step: 1 }, 1, 10);
    process.kill(process.pid, 'SIGINT');
    await pause(50);
    assert.equal(live.signal.aborted, true);
    assert.deepEqual(heard, []);
    process.kill(process.pid, 'SIGINT');
    await pause(50);
    assert.deepEqual(heard, ['before']);
    await live.finish();
    assert.match(notebook.outputs[0].content as string, /1\/10 steps in .* interrupted/);
    assert.deepEqual(process.listeners('SIGINT').filter((l) => l === listener).length, 1);

    const second = liveTraining();
    await second.onStep({ step: 1 }, 1, 1);
    await second.finish();
    process.kill(process.pid, 'SIGINT');
    await pause(50);
    assert.deepEqual(heard, ['before', 'before']);
    assert.equal(second.signal.aborted, false);
  } finally {
    notebook.close();
    process.removeListener('SIGINT', listener);
  }
});
