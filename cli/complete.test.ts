import assert from 'node:assert/strict';
import test from 'node:test';
import { complete } from './complete';

test('a run that is through says so, and how to go on', () => {
  assert.equal(complete('run', 0, { epochs: 24 }), undefined);
  assert.equal(complete('run', 23.9, { epochs: 24 }), undefined);
  assert.match(complete('run', 24, { epochs: 24 })!, /^run: complete, 24 of 24 epochs; raise --epochs to go on\.$/);
  assert.match(complete('run', 24, { epochs: 12 })!, /24 epochs already, more than --epochs 12; raise --epochs above 24/);
  assert.match(complete('run', 18, { epochs: 24, secondStageFrom: 19, stage: 1 })!, /stage 1 is complete, 18 of 18 epochs; --stage 2 goes on/);
  assert.equal(complete('run', 18, { epochs: 24, secondStageFrom: 19, stage: 2 }), undefined);
});
