import assert from 'node:assert/strict';
import test from 'node:test';
import { UserError } from '../common/errors';
import { gpusOf, hostsOf, placeOf, shareOf, slurmShare, threadsFor } from './places';

const refused = (f: () => unknown, message: RegExp) => assert.throws(f, (e) => e instanceof UserError && message.test(e.message));

test('alone, where nothing says otherwise', () => {
  assert.equal(placeOf({}, {}), undefined);
  assert.equal(placeOf({}, { SLURM_JOB_ID: '3', SLURM_STEP_NUM_TASKS: '1', SLURM_PROCID: '0' }), undefined);
  assert.equal(placeOf({}, { TF_CONFIG: '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}' }), undefined);
});

test('by --cluster and --rank', () => {
  assert.deepEqual(placeOf({ cluster: 'a:1, [fe80::1]:2', rank: 1 }, { TF_CONFIG: 'not looked at' }), { addresses: ['a:1', '[fe80::1]:2'], rank: 1 });
  for (const [cluster, rank, message] of [
    ['a:1,b:2', undefined, /^--cluster: which of its addresses/],
    [undefined, 0, /^--rank: this goes with --cluster/],
    ['a:1,b', 0, /^--cluster: 'b' is no address of the form host:port\.$/],
    ['a:1,b:65536', 0, /'b:65536' is no address/],
    ['a:1,http:\/\/b:2', 0, /'http:\/\/b:2' is no address/],
    ['a:1,a:1', 0, /a:1 stands there twice/],
    ['a:1', 0, /one address is no cluster/],
    ['a:1,b:2', 2, /^--rank: the 2 workers are numbered from 0 to 1, not 2\.$/],
  ] as const)
    refused(() => placeOf({ cluster, rank }, {}), message);
});

test("by TF_CONFIG, as TensorFlow's strategy reads it: the chief is the first", () => {
  const config = (cluster: object, type: string, index: unknown) => ({ TF_CONFIG: JSON.stringify({ cluster, task: { type, index } }) });
  const both = { worker: ['b:2', 'c:3'], chief: ['a:1'] };
  const addresses = ['a:1', 'b:2', 'c:3'];
  assert.deepEqual(placeOf({}, config(both, 'chief', 0)), { addresses, rank: 0 });
  assert.deepEqual(placeOf({}, config(both, 'worker', '1')), { addresses, rank: 2 });
  assert.deepEqual(placeOf({}, config({ worker: ['b:2', 'c:3'] }, 'worker', 0)), { addresses: ['b:2', 'c:3'], rank: 0 });
  refused(() => placeOf({}, { TF_CONFIG: '{' }), /^TF_CONFIG: this is not JSON\.$/);
  refused(() => placeOf({}, { TF_CONFIG: '{"cluster": {}}' }), /^TF_CONFIG: expected/);
  refused(() => placeOf({}, config({ ...both, ps: ['d:4'] }, 'worker', 0)), /no job 'ps'/);
  refused(() => placeOf({}, config({ worker: 'b:2' }, 'worker', 0)), /^TF_CONFIG: expected/);
  refused(() => placeOf({}, config(both, 'worker', 2)), /no task \{"type":"worker","index":2\}/);
  refused(() => placeOf({}, config(both, 'evaluator', 0)), /no task/);
});

test('lists of hosts as Slurm writes them', () => {
  assert.deepEqual(hostsOf('n1'), ['n1']);
  assert.deepEqual(hostsOf('n[08-11,3],m,r[1-2]c[7,9]-x'), ['n08', 'n09', 'n10', 'n11', 'n3', 'm', 'r1c7-x', 'r1c9-x', 'r2c7-x', 'r2c9-x']);
  for (const wrong of ['', 'n[1-', 'n[]', 'n[a-b]', 'n[3-1]', 'n]1[', ',n1']) refused(() => hostsOf(wrong), /is no list of hosts/);
});

const slurm = (more: Record<string, string | undefined> = {}) => ({
  ...{
    SLURM_STEP_NUM_TASKS: '5',
    SLURM_STEP_NODELIST: 'n[1-3]',
    SLURM_STEP_TASKS_PER_NODE: '2(x2),1',
    SLURM_PROCID: '3',
    SLURM_NODEID: '1',
    SLURM_LOCALID: '1',
  },
  ...more,
});

test("by Slurm, as TensorFlow's resolver reads it: ports from 8888 on each host", () => {
  assert.deepEqual(placeOf({}, slurm()), { addresses: ['n1:8888', 'n1:8889', 'n2:8888', 'n2:8889', 'n3:8888'], rank: 3 });
  refused(() => placeOf({}, slurm({ SLURM_STEP_NODELIST: undefined })), /5 tasks, and SLURM_STEP_NODELIST is not set/);
  refused(() => placeOf({}, slurm({ SLURM_STEP_TASKS_PER_NODE: '2(x3)' })), /5 tasks are not 2\(x3\) on the 3 hosts n\[1-3\]/);
  refused(() => placeOf({}, slurm({ SLURM_STEP_TASKS_PER_NODE: 'two' })), /'two' says not how many/);
  refused(() => placeOf({}, slurm({ SLURM_NODEID: '0', SLURM_LOCALID: '1' })), /--distribution=block/);
  refused(() => placeOf({}, slurm({ SLURM_PROCID: '5', SLURM_NODEID: undefined })), /numbered from 0 to 4, not 5/);
});

test('which GPUs there are', () => {
  const files = ['nvidia10', 'nvidia0', 'nvidiactl', 'nvidia-uvm', 'null', 'nvidia2'];
  assert.deepEqual(gpusOf({}, files), ['0', '2', '10']);
  assert.deepEqual(gpusOf({ CUDA_VISIBLE_DEVICES: '3, GPU-8f,-1,5' }, files), ['3', 'GPU-8f']);
  assert.deepEqual(gpusOf({ CUDA_VISIBLE_DEVICES: '' }, files), []);
  assert.deepEqual(gpusOf({ LGGAN_ENGINE: 'cpu' }, files), []);
});

test('each worker of a machine has a GPU of its own and its part of the cores', () => {
  assert.deepEqual(shareOf(0, 1, { gpus: ['0', '1'], cores: 8 }, {}), {});
  assert.deepEqual(shareOf(2, 3, { gpus: [], cores: 8 }, {}), { TF_NUM_INTRAOP_THREADS: '2' });
  assert.deepEqual(shareOf(1, 4, { gpus: [], cores: 2 }, {}), { TF_NUM_INTRAOP_THREADS: '1' });
  assert.deepEqual(shareOf(1, 2, { gpus: ['3', 'GPU-8f'], cores: 8 }, { TF_NUM_INTRAOP_THREADS: '3' }), {
    CUDA_VISIBLE_DEVICES: 'GPU-8f',
    TF_NUM_INTRAOP_THREADS: '3',
  });
  refused(() => shareOf(0, 2, { gpus: ['0'], cores: 8 }, {}), /^--workers: 2 workers want a GPU each, and there is one; start fewer/);
});

test('of the GPUs that Slurm shows to all tasks of a machine each takes one', () => {
  assert.deepEqual(slurmShare(slurm(), ['0', '1']), { CUDA_VISIBLE_DEVICES: '1' });
  assert.deepEqual(slurmShare(slurm(), ['0']), {}, 'bound by Slurm');
  assert.deepEqual(slurmShare({ SLURM_LOCALID: '1' }, ['0', '1']), {});
});

test('on two cores operations of a small network have one each', () => {
  assert.equal(threadsFor(16, 4 * 96 * 128, 2), 1);
  assert.equal(threadsFor(16, 16 * 192 * 256, 2), 2);
  assert.equal(threadsFor(64, 192 * 256, 2), 2);
  assert.equal(threadsFor(16, 4 * 96 * 128, 8), 8);
  assert.equal(threadsFor(16, 4 * 96 * 128, 1), 1);
});
