import assert from 'node:assert/strict';
import test from 'node:test';
import { rectangle } from './raster';
import { STEPS, Sketch } from './sketch';

const [SKY, WATER, BOAT] = [1, 2, 15];

/** Draws a rectangle as one step. */
function draw(sketch: Sketch, c: number | 'erase', x0: number, y0: number, x1: number, y1: number): boolean {
  sketch.begin();
  rectangle({ x: x0, y: y0 }, { x: x1, y: y1 }, sketch, c === 'erase' ? sketch.erase : sketch.paint(c));
  return sketch.commit();
}

test('the eraser brings back the class that a pixel was painted over, and undo both', () => {
  const sketch = new Sketch(8, 10, SKY);
  assert.equal(draw(sketch, WATER, 0, 4, 9, 7), true);
  assert.equal(draw(sketch, BOAT, 2, 3, 5, 5), true);
  assert.equal(draw(sketch, 'erase', 0, 0, 9, 7), true);
  // The boat's place is water again, and the water's the sky below; where nothing was drawn nothing changes.
  assert.equal(sketch.at(3, 5), WATER);
  assert.equal(sketch.at(3, 3), SKY);
  assert.equal(sketch.at(8, 6), SKY);
  assert.equal(sketch.at(0, 0), SKY);
  sketch.undo();
  assert.equal(sketch.at(3, 5), BOAT);
  sketch.undo();
  assert.equal(sketch.at(3, 5), WATER);
  draw(sketch, 'erase', 3, 5, 3, 5);
  assert.equal(sketch.at(3, 5), SKY, 'what lies below is undone as well');
});

test('undo and redo go back and forth over at least 50 steps, and a new step ends what could be redone', () => {
  const sketch = new Sketch(6, 70);
  const states = [sketch.labels.slice()];
  for (let i = 0; i < 55; i++) {
    draw(sketch, 1 + (i % 20), i, i % 6, i + 9, 5);
    states.push(sketch.labels.slice());
  }
  for (let i = 54; i >= 0; i--) {
    assert.ok(sketch.undo());
    assert.deepEqual(sketch.labels, states[i]);
  }
  assert.equal(sketch.undo(), undefined);
  for (let i = 1; i <= 55; i++) {
    sketch.redo();
    assert.deepEqual(sketch.labels, states[i]);
  }
  sketch.undo();
  draw(sketch, 28, 0, 0, 69, 5);
  assert.equal(sketch.canRedo, false);
  for (let i = 0; i < 2 * STEPS; i++) draw(sketch, i % 29, 0, 0, i % 70, 5);
  let steps = 0;
  while (sketch.undo()) steps++;
  assert.equal(steps, STEPS);
});

test('a stroke that changes nothing is no step; one that is taken back leaves nothing', () => {
  const sketch = new Sketch(5, 5, SKY);
  assert.equal(draw(sketch, SKY, 0, 0, 4, 4), false);
  assert.equal(draw(sketch, 'erase', 0, 0, 4, 4), false);
  sketch.begin();
  rectangle({ x: 0, y: 0 }, { x: 4, y: 4 }, sketch, sketch.paint(WATER));
  assert.deepEqual(sketch.restart(), { top: 0, left: 0, bottom: 4, right: 4 });
  rectangle({ x: 1, y: 1 }, { x: 2, y: 1 }, sketch, sketch.paint(WATER));
  assert.equal(sketch.commit(), true);
  assert.deepEqual([...sketch.labels].filter((c) => c === WATER).length, 2);
  sketch.begin();
  rectangle({ x: 0, y: 0 }, { x: 4, y: 4 }, sketch, sketch.paint(BOAT));
  sketch.cancel();
  assert.equal(sketch.drawing, false);
  assert.equal(sketch.labels.includes(BOAT), false);
  assert.deepEqual(sketch.undo(), { top: 1, left: 1, bottom: 1, right: 2 });
  assert.equal(sketch.canUndo, false);
});

test('another sketch in its place is one step', () => {
  const sketch = new Sketch(2, 3, SKY);
  sketch.replace(Uint8Array.of(0, 1, 2, 3, 4, 5));
  assert.deepEqual([...sketch.labels], [0, 1, 2, 3, 4, 5]);
  sketch.undo();
  assert.deepEqual([...sketch.labels], Array(6).fill(SKY));
  assert.throws(() => sketch.replace(new Uint8Array(5)), RangeError);
});
