import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { startScript, type Worker } from '../../proof/testing/workers';
import { freePorts, reachableBy, serverDefinition } from './cluster';
import { canCompile } from './compiled';

const script = join(__dirname, '../../proof/testing/cluster.run.ts');
const skip = !canCompile() && 'needs the native engine';

async function start(
  task: string,
  count: number,
  env: NodeJS.ProcessEnv = {},
  only?: number[],
): Promise<{ workers: Worker[]; ports: number[]; addresses: string }> {
  const ports = await freePorts(count);
  const addresses = ports.map((p) => `127.0.0.1:${p}`).join();
  const workers = (only ?? ports.map((_, i) => i)).map((rank) => startScript(script, [task, String(rank), addresses], env));
  return { workers, ports, addresses };
}

test("the definition of the server is TensorFlow's protobuf", () => {
  // By hand after protobuf's encoding and tensorflow_server.proto, cluster.proto and config.proto.
  const text = Buffer.from(serverDefinition({ addresses: ['a:1', 'b:2'], rank: 1 })).toString('latin1');
  const task = (i: number, address: string) => `\x12\x07\x08${String.fromCharCode(i)}\x12\x03${address}`;
  const job = `\n\x06worker${task(0, 'a:1')}${task(1, 'b:2')}`;
  const leader = '/job:worker/replica:0/task:0';
  const inner = `\n${String.fromCharCode(leader.length)}${leader}`;
  const config = `\x82\x01${String.fromCharCode(inner.length)}${inner}`;
  const all = `\n${String.fromCharCode(job.length + 2)}\n${String.fromCharCode(job.length)}${job}\x12\x06worker\x18\x01"${String.fromCharCode(config.length)}${config}*\x04grpc`;
  assert.equal(text, all);
});

test('a worker hears what is sent to the addresses that the others call', () => {
  const here = ['127.0.0.1', '::1', '10.0.0.5', 'fe80::1'];
  assert.deepEqual(reachableBy(['127.0.0.1', '127.0.0.1'], here), ['127.0.0.1']);
  assert.deepEqual(reachableBy(['10.0.0.5', '10.0.0.6'], here), ['10.0.0.5']);
  // A machine that knows itself by a name on its loopback: the others do not.
  assert.deepEqual(reachableBy(['127.0.1.1', '10.0.0.6'], here), []);
  assert.deepEqual(reachableBy(['10.0.0.7', '10.0.0.6'], here), []);
});

for (const count of [2, 3]) {
  test(`${count} workers add up, the same bits for each, also in compiled functions that one of them records later`, { skip }, async () => {
    const { workers } = await start('sums', count);
    const ended = await Promise.all(workers.map((w) => w.ended));
    const found = ended.map(({ text, code }) => {
      assert.equal(code, 0, text);
      return JSON.parse(/result (.*)/.exec(text)![1]) as { results: unknown[]; recordings: number; leaked: number };
    });
    const total = (count * (count + 1)) / 2;
    const mean = total / count;
    const expected = (first: boolean) => {
      const [one, two] = first ? [1, 2] : [Math.fround(mean), Math.fround(2 * mean)];
      return [
        [
          [3, 5],
          [one, one],
        ],
        [[2_100_000], [one, one]],
        [[2_100_000], [two, two]],
        [[], [one, one]],
      ];
    };
    const six = 6 * total * count;
    const rows = Array.from({ length: count }, (_, i) => [i + 1, -i - 1]).flat();
    for (const [rank, { results, recordings, leaked }] of found.entries()) {
      assert.deepEqual(results.slice(0, -1), [
        [total, 10 * total],
        rows,
        true,
        false,
        { rank: 0, list: [1, 'ä'] },
        expected(false),
        expected(true),
        ...Array(4).fill([six, six]),
      ]);
      assert.equal(recordings, rank === 1 ? 2 : 1);
      assert.equal(leaked, 0);
      assert.deepEqual(results.at(-1), found[0].results.at(-1));
    }
  });
}

test('one that starts late is waited for; one that never comes is named', { skip }, async () => {
  const { workers, addresses } = await start('sums', 2, {}, [1]);
  await workers[0].said(/Waiting for Worker 0/);
  const late = startScript(script, ['sums', '0', addresses]);
  assert.equal((await late.ended).code, 0);
  assert.equal((await workers[0].ended).code, 0);

  const alone = await start('sums', 2, { START: '1' }, [0]);
  const { code, text } = await alone.workers[0].ended;
  assert.equal(code, 2);
  assert.match(text, new RegExp(`Worker 1 \\(127.0.0.1:${alone.ports[1]}\\) did not come within 1 s`));
});

test('one that has other options is named by all', { skip }, async () => {
  const { workers } = await start('differ', 2);
  for (const { code, text } of await Promise.all(workers.map((w) => w.ended))) {
    assert.equal(code, 2);
    assert.match(text, /Worker 1 \(127.0.0.1:\d+\) has another options than worker 0/);
  }
});

/** Killed, it is found at the next round of the watch (2 s); stopped as by a cut connection, after three answers that do not come (1 s each here). */
for (const [signal, seconds] of [
  ['SIGKILL', 6],
  ['SIGSTOP', 12],
] as const) {
  test(`${signal} to one of three: the others end within ${seconds} s and name it`, { skip }, async () => {
    const { workers, ports } = await start('add', 3);
    await Promise.all(workers.map((w) => w.said(/adding/)));
    await new Promise((resolve) => setTimeout(resolve, 300 * Math.random()));
    const began = performance.now();
    workers[1].process.kill(signal);
    for (const { code, text } of await Promise.all([workers[0].ended, workers[2].ended])) {
      assert.equal(code, 2, text);
      assert.match(text, new RegExp(`^Worker 1 \\(127.0.0.1:${ports[1]}\\) has ended or cannot be reached`, 'm'));
    }
    assert.ok(performance.now() - began < seconds * 1000, `${performance.now() - began} ms`);
    workers[1].process.kill('SIGKILL');
    await workers[1].ended;
  });
}

test('a port that is taken is refused', { skip }, async () => {
  const taken = createServer();
  const [port] = await freePorts(1);
  await new Promise<void>((resolve) => taken.listen(port, resolve));
  const { code, text } = await startScript(script, ['sums', '0', `127.0.0.1:${port},127.0.0.1:1`]).ended;
  taken.close();
  assert.equal(code, 2);
  assert.match(text, new RegExp(`127.0.0.1:${port}: this port cannot be listened on \\(EADDRINUSE\\)`));
});

const outside = Object.values(networkInterfaces())
  .flatMap((interfaces) => interfaces ?? [])
  .find((i) => i.family === 'IPv4' && !i.internal)?.address;
test(
  'workers of the loopback answer there alone',
  { skip: skip || (process.platform !== 'linux' && 'only Linux filters') || (!outside && 'this machine has no other address') },
  async () => {
    const { workers, ports } = await start('add', 2);
    await Promise.all(workers.map((w) => w.said(/adding/)));
    const answers = (host: string) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host, port: ports[0] });
        const end = (answer: boolean) => {
          socket.destroy();
          resolve(answer);
        };
        socket.once('connect', () => end(true)).once('error', () => end(false));
        setTimeout(() => end(false), 800);
      });
    assert.equal(await answers('127.0.0.1'), true);
    assert.equal(await answers(outside!), false);
    workers.forEach((w) => w.process.kill('SIGKILL'));
    for (const w of workers) {
      const { text } = await w.ended;
      assert.doesNotMatch(text, /listens on all addresses/);
    }
  },
);
