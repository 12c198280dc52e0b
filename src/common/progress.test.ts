import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, progress, replacingSink, reporter, terminalSink, type ProgressSink } from './progress';

function recorder(interval = 0) {
  const lines: string[] = [];
  const sink: ProgressSink = {
    interval,
    show: (l) => lines.push(l),
    end: (l) => lines.push(`end ${l}`),
    print: (l) => lines.push(`print ${l}`),
  };
  return { lines, sink };
}

test('bar, count, rate and time left', () => {
  const { lines, sink } = recorder();
  let time = 0;
  const p = progress(100, 'training', { sink, unit: 'steps', now: () => time });
  time = 10000;
  p.update(25, 'loss 0.5');
  time = 12000;
  p.finish('saved');
  // 25 in 10 s: 2.5 a second, 75 left are 30 s.
  assert.deepEqual(lines, ['training  [#####...............]  25/100  2.50 steps/s  30 s left  loss 0.5', 'end training  25/100 steps in 12 s  saved']);
});

test('the time left follows the last minute, and what was done before does not count', () => {
  const { lines, sink } = recorder();
  let time = 0;
  const p = progress(1000, 'x', { sink, from: 500, now: () => time });
  // 100 quick ones in 10 s, then one every 10 s.
  for (let i = 1; i <= 10; i++) p.update(500 + i * 10, void (time = i * 1000) as undefined);
  assert.match(lines[9], /10\.0 it\/s  40 s left/);
  for (let i = 1; i <= 12; i++) p.update(600 + i, void (time = 10000 + i * 10000) as undefined);
  assert.match(lines[21], /612\/1000  10 s each  1:04:40 left/);
});

test('bytes can be shown as MB', () => {
  const { lines, sink } = recorder();
  let time = 0;
  const p = progress(440e6, 'importing', { sink, unit: 'MB', scale: 1e6, now: () => time });
  time = 1000;
  p.update(110.4e6);
  assert.match(lines[0], /110\/440  110 MB\/s  3\.0 s left/);
  p.update(440e6);
  p.finish();
  assert.equal(lines[2], 'end importing  440 MB in 1.0 s');
});

test('lines come no faster than the sink wants, the last one always', () => {
  const { lines, sink } = recorder(5000);
  let time = 0;
  const p = progress(10, 'x', { sink, now: () => time });
  for (let i = 1; i <= 10; i++) p.update(i, void (time = i * 1000) as undefined);
  p.finish();
  p.finish();
  p.update(3);
  assert.deepEqual(
    lines.map((l) => /\d+\/10|end x  10/.exec(l)?.[0]),
    ['5/10', '10/10', 'end x  10'],
  );
});

test('a terminal has its line rewritten and cut to its width, a file gets lines', () => {
  let out = '';
  const stream = (isTTY: boolean) => ({ isTTY, columns: 20, write: (s: string) => (out += s) }) as unknown as NodeJS.WriteStream;
  const sink = terminalSink(stream(true));
  sink.show('0123456789012345678901234567890');
  assert.equal(out, '\r012345678901234567…\x1b[K');
  out = '';
  sink.print('hello');
  assert.equal(out, '\r\x1b[Khello\n\r012345678901234567…\x1b[K');
  out = '';
  sink.end('done');
  sink.print('after');
  assert.equal(out, '\rdone\x1b[K\n\r\x1b[Kafter\n');
  out = '';
  const plain = terminalSink(stream(false));
  plain.show('a');
  plain.end('b');
  assert.equal(out, 'a\nb\n');
});

test("a notebook's output is replaced, messages stay", () => {
  const outputs: string[] = [];
  const sink = replacingSink((t) => outputs.push(t));
  sink.show('1');
  sink.print('epoch 1');
  sink.show('2');
  assert.deepEqual(outputs, ['1', 'epoch 1\n1', 'epoch 1\n2']);
});

test('reporter makes a progress of a callback', () => {
  const { lines, sink } = recorder();
  const onProgress = reporter('reading', { sink });
  onProgress(1, 2);
  onProgress(2, 2);
  onProgress(1, 3);
  assert.equal(lines.filter((l) => l.startsWith('end')).length, 1);
  assert.match(lines[lines.length - 1], /1\/3/);
});

test('durations', () => {
  assert.deepEqual([0.04, 9.94, 9.96, 59.6, 187, 7387, 273600, Infinity].map(duration), ['0.0 s', '9.9 s', '10 s', '1:00', '3:07', '2:03:07', '3 d 4 h', '?']);
});
