import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Json } from '../checkpoints/checkpoint';
import { UserError } from '../common/errors';
import type { Source } from '../data/sequence';
import { StepFault } from './guards';
import { runSteps, type LoopHooks, type Run } from './loop';

const root = mkdtempSync(join(tmpdir(), 'loop-'));
after(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;

/** A network of one number, to which a step adds the number of its batch, counted from 1; checkpoints are kept in memory. */
class Toy {
  weight = 0;
  saved: Record<string, string> = {};
  readonly output = join(root, String(runs++));

  run(bad: readonly number[], more: Partial<Run<number, number>> = {}): Run<number, number> {
    let place = 0;
    const batches: Source<number> = {
      batchesPerEpoch: 2,
      next: async () => ++place,
      state: () => ({ place }) as never,
      restore: (state) => void (place = (state as { place: number }).place),
    };
    return {
      output: this.output,
      batches,
      total: 6,
      stepsPerEpoch: 2,
      checkpointEvery: 2,
      onFault: 'skip',
      load: async () => {
        if (!this.saved.latest) return undefined;
        const { weight, ...state } = JSON.parse(this.saved.latest);
        this.weight = weight;
        return state as Record<string, Json>;
      },
      save: async (name, state) => void (this.saved[name] = JSON.stringify({ ...state, weight: this.weight })),
      step: (batch) => {
        if (bad.includes(batch)) throw new StepFault('the loss loss became NaN', { loss: NaN });
        this.weight += batch;
        return { loss: this.weight };
      },
      ...more,
    };
  }
}

test('a run goes on after an interruption as if there had been none, and one that is over does nothing', async () => {
  const straight = new Toy();
  const whole = await runSteps(straight.run([]));
  assert.deepEqual([whole.step, straight.weight, whole.interrupted], [6, 21, false]);
  assert.deepEqual(whole.history.series('epoch').values, [1, 1, 2, 2, 3, 3]);

  const cut = new Toy();
  const stop = new AbortController();
  const hooks: LoopHooks = {
    signal: stop.signal,
    onStep: ({ step }) => {
      if (step === 3) stop.abort();
    },
  };
  const first = await runSteps(cut.run([]), hooks);
  assert.deepEqual([first.step, cut.weight, first.interrupted], [3, 6, true]);
  cut.weight = -1;
  const second = await runSteps(cut.run([]));
  assert.deepEqual([second.step, cut.weight, second.interrupted], [6, 21, false]);
  assert.deepEqual(second.history.series('loss'), whole.history.series('loss'));
  assert.equal((await runSteps(cut.run([]), { onStep: () => assert.fail('no step is left') })).step, 6);
  assert.equal(readFileSync(join(cut.output, 'history.csv'), 'utf8').split('\n')[0], 'step,epoch,loss,seconds');
});

test('the best is kept with its figure, also over an interruption', async () => {
  const toy = new Toy();
  const figures = [5, 3, 4, 2, 9, 1];
  const better: Run<number, number>['after'] = async ({ step }, best) => (best === null || figures[step - 1] < best ? figures[step - 1] : undefined);
  const first = await runSteps(toy.run([], { total: 3, after: better }));
  assert.deepEqual([first.best, JSON.parse(toy.saved.best).step], [3, 2]);
  const asked: (number | null)[] = [];
  const second = await runSteps(toy.run([], { after: (row, best) => (asked.push(best), better(row, best)) }));
  assert.deepEqual([second.best, asked], [1, [3, 2, 2]]);
});

test('faults: a skipped step has a row without losses, a rollback goes on with the batches that follow', async () => {
  const messages: string[] = [];
  const onMessage = (m: string) => messages.push(m);
  const skipping = new Toy();
  const { history } = await runSteps(skipping.run([3], { columns: () => ({ loss: NaN, rate: 7 }) }), { onMessage });
  assert.deepEqual([skipping.weight, history.series('loss').steps, history.series('skipped').steps], [18, [1, 2, 4, 5, 6], [3]]);
  assert.deepEqual(history.columns.slice(0, 4), ['step', 'epoch', 'loss', 'rate']);

  // Steps 1, 2, checkpoint, 3; the fourth batch is bad: back to 2, then batches 5 to 8.
  const rolling = new Toy();
  await runSteps(rolling.run([4], { onFault: 'rollback' }), { onMessage });
  assert.equal(rolling.weight, 1 + 2 + 5 + 6 + 7 + 8);
  assert.deepEqual(messages, ['Step 3: the loss loss became NaN; it was skipped.', 'Step 4: the loss loss became NaN; back to step 2.']);

  const all = Array.from({ length: 60 }, (_, i) => i + 3);
  for (const [onFault, step] of [
    ['skip', 13],
    ['rollback', 3],
    ['stop', 3],
  ] as const) {
    await assert.rejects(
      runSteps(new Toy().run(all, { onFault, total: 40 })),
      (e) => e instanceof UserError && e.message.startsWith(`Step ${step}: the loss loss became NaN; lower`),
    );
  }
});

test('a warning is said once as long as it lasts, and each of its rows has a mark', async () => {
  const messages: string[] = [];
  const warning = ({ length }: { length: number }) => (length % 4 > 1 ? 'it grows' : undefined);
  const { history } = await runSteps(new Toy().run([], { total: 8, warning }), { onMessage: (m) => messages.push(m) });
  assert.deepEqual(messages, ['Step 3: it grows.', 'Step 7: it grows.']);
  assert.deepEqual(history.series('diverging').steps, [3, 4, 7, 8]);
});

test('a validation, a sample or whoever watches that fails ends the run with its own error, and no step is lost', async () => {
  for (const place of ['measure', 'onStep', 'after'] as const) {
    const toy = new Toy();
    const failing = async (step: number) => {
      if (step === 3) throw new UserError(`${place} failed.`);
      return undefined;
    };
    const more: Partial<Run<number, number>> = place === 'measure' ? { measure: failing } : place === 'after' ? { after: ({ step }) => failing(step) } : {};
    const hooks: LoopHooks = place === 'onStep' ? { onStep: ({ step }) => failing(step) } : {};
    await assert.rejects(runSteps(toy.run([], more), hooks), (e) => e instanceof UserError && e.message === `${place} failed.`);
    assert.deepEqual([JSON.parse(toy.saved.latest).step, JSON.parse(toy.saved.latest).weight], [3, 6], place);
    toy.weight = -1;
    const { step, history } = await runSteps(toy.run([]));
    assert.deepEqual([step, toy.weight, history.series('step').values], [6, 21, [1, 2, 3, 4, 5, 6]], place);
  }
  // Where saving fails as well, the first error is the one to know.
  const full = new Toy();
  const run = full.run([], {
    after: async () => {
      throw new UserError('sample.');
    },
    save: async () => {
      throw new UserError('disk.');
    },
  });
  await assert.rejects(runSteps(run), /^UserError: sample\.|^Error: sample\./);
});
