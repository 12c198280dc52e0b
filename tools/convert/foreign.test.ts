import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { UserError } from '../../src/common/errors';
import * as tf from '../../src/engine/tf';
import { assertClose, normals } from '../../proof/testing/close';
import { withMaterial } from '../../proof/testing/material';
import { guessNetwork } from '../../src/models/config_from_shapes';
import { importWeights, matchNames } from './convert';
import { openForeign, type ForeignCheckpoint } from './foreign';
import type { NamedVariables } from '../../src/checkpoints/layout';
import { NdArray, decodeArray, readPickle, type PickleValue } from './pickle';
import { savePickle } from './pickle_writer';
import { readTensors, saveTensors, type TensorEntry } from '../../src/checkpoints/safetensors';
import { BufferSource } from '../../src/common/source';

const folder = mkdtempSync(join(tmpdir(), 'foreign-'));
after(() => rmSync(folder, { recursive: true }));
const fixtures = JSON.parse(readFileSync(join(__dirname, 'pickle.fixtures.json'), 'utf8')) as Record<string, string>;
const fixture = (name: string) => Buffer.from(fixtures[name], 'base64');
const read = (bytes: Uint8Array) => readPickle(new BufferSource('x.pkl', bytes)).value;
function put(name: string, bytes: Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}
const jittorTail = (bytes: Buffer) => Buffer.concat([bytes, createHash('sha1').update(bytes).digest(), Buffer.from('HCAJSLHD')]);
const refusal =
  (pattern: RegExp, file = '') =>
  (e: unknown) => {
    assert.ok(e instanceof UserError, String((e as Error).stack));
    assert.match(e.message, pattern);
    assert.ok(e.message.includes(file));
    return true;
  };

test('the same weights, saved by four programs, are the same', async (t) => {
  const own = withMaterial(t, 'golden/checkpoints/rcan_tiny.safetensors');
  if (!own) return;
  const { tensors: expected } = await readTensors(own);
  for (const [name, format, values] of [
    ['rcan_tiny_jittor.pkl', 'jittor pickle', { epoch: 3, step: 7, psnr: 31.5 }],
    ['rcan_tiny_numpy.pkl', 'jittor pickle', { epoch: 3, step: 7, psnr: 31.5 }],
    ['rcan_tiny_torch.pth', 'pytorch', { epoch: 3 }],
    ['rcan_tiny.safetensors', 'safetensors', {}],
  ] as const) {
    const found = await openForeign(withMaterial(t, `golden/checkpoints/${name}`)!);
    assert.equal(found.format, format);
    assert.deepEqual(found.values, values);
    assert.deepEqual([...found.tensors.keys()].sort(), [...expected.keys()].sort());
    for (const [key, tensor] of found.tensors) {
      assert.deepEqual(tensor.shape, expected.get(key)!.shape);
      assert.deepEqual(tensor.read(), expected.get(key)!.data, `${name}: ${key}`);
    }
    assert.deepEqual(guessNetwork(name, found.tensors), {
      network: 'RCAN',
      config: { groups: 2, blocks: 2, features: 16, reduction: 4, scale: 2 },
    });
    found.close();
  }
});

test("numpy's arrays in every protocol", () => {
  for (const protocol of [1, 2, 3, 4, 5]) {
    const map = read(fixture(`protocol${protocol}`)) as Map<string, PickleValue>;
    const numbers = (name: string) => [...(decodeArray(map.get(name) as NdArray, 'x') as Float32Array)];
    assert.deepEqual((map.get('a') as NdArray).shape, [2, 3]);
    assert.deepEqual(numbers('a'), [0, 1, 2, 3, 4, 5]);
    // Saved in Fortran order.
    assert.deepEqual(numbers('f'), [0, 0.25, 0.5, 0.75, 1, 1.25], `protocol ${protocol}`);
    assert.deepEqual(numbers('h'), [1.5, -2]);
    assert.equal(map.get('n'), 1.5);
    assert.equal(map.get('i'), -3);
    assert.equal(map.get('l'), 2n ** 70n);
    assert.equal(map.get('s'), 'ü');
    assert.deepEqual(map.get('t'), [1, 2, 3, 4]);
    assert.equal(map.get('none'), null);
  }
});

const shapeAndValues = ({ tensors }: ForeignCheckpoint, name: string) => [tensors.get(name)!.shape, [...tensors.get(name)!.read()]];

/** What both of PyTorch's formats hold in the fixtures. */
function assertTensors(found: ForeignCheckpoint): void {
  assert.deepEqual(shapeAndValues(found, 'plain'), [[4, 6], Array.from({ length: 24 }, (_, i) => i)]);
  assert.deepEqual(shapeAndValues(found, 'transposed'), [[6, 4], Array.from({ length: 24 }, (_, i) => (i % 4) * 6 + Math.floor(i / 4))]);
  assert.deepEqual(shapeAndValues(found, 'window'), [
    [2, 3],
    [8, 9, 10, 14, 15, 16],
  ]);
  assert.deepEqual(shapeAndValues(found, 'half'), [[2], [1.5, -2]]);
  assert.deepEqual(shapeAndValues(found, 'bf'), [[2], [1, -3.140625]]);
  assert.deepEqual(shapeAndValues(found, 'param'), [[2], [1, 1]]);
  assert.deepEqual(shapeAndValues(found, 'scalar'), [[], [7]]);
  assert.throws(() => found.tensors.get('bn')!.read(), refusal(/'bn' as whole numbers/));
}

test("PyTorch's views, halves and counters", async () => {
  const found = await openForeign(put('a.pth', inflateSync(fixture('torch'))));
  assert.deepEqual(found.values, { epoch: 4 });
  assertTensors(found);
  found.close();
  const norm = await openForeign(put('bn.pth', inflateSync(fixture('batchNorm'))));
  assert.deepEqual([...norm.tensors.get('running_var')!.read()], [1, 1]);
  norm.close();
  await assert.rejects(openForeign(put('module.pth', inflateSync(fixture('wholeModule')))), refusal(/whole module of PyTorch \('torch\.nn/, 'module.pth'));
});

test("PyTorch's format before 1.6, with what people leave beside the weights", async () => {
  const whole = fixture('legacyTorch');
  const found = await openForeign(put('legacy.pth', whole));
  assert.deepEqual([found.format, found.values], ['pytorch', { epoch: 4 }]);
  assert.deepEqual(shapeAndValues(found, 'double'), [[1], [0.25]]);
  assertTensors(found);
  found.close();
  const old = await openForeign(put('old.pth', fixture('oldTorch')));
  assert.deepEqual([...old.tensors.get('a')!.read()], [1, 1]);
  old.close();
  for (let n = 1; n < whole.length; n += 13) await assert.rejects(openForeign(put('cut.pth', whole.subarray(0, n))), refusal(/./, 'cut.pth'), `${n} bytes`);
  await assert.rejects(openForeign(put('more.pth', Buffer.concat([whole, Buffer.alloc(3)]))), refusal(/3 bytes follow its weights/));
  // The count before the last storage says more than its tensor does.
  const wrong = Buffer.from(fixture('oldTorch'));
  wrong[wrong.length - 16] = 200;
  await assert.rejects(openForeign(put('count.pth', wrong)), refusal(/should hold 2 numbers/));
});

test('of several dictionaries or prefixes the usual one is taken, and told; --key takes another', async () => {
  const one = (file: string, key?: string) =>
    openForeign(file, { key }).then((f) => {
      const result = [...f.tensors].map(([name, t]) => `${name}=${[...t.read()]}`).join(' ');
      f.close();
      return [result, f.notes.join()];
    });
  const both = put('both.pth', fixture('params'));
  const [ema, told] = await one(both);
  assert.equal(ema, 'a=1,1');
  assert.match(told, /'params_ema' were taken; beside them it holds params \(--key/);
  assert.deepEqual(await one(both, 'params'), ['a=0,0', '']);
  await assert.rejects(one(both, 'netG'), refusal(/under 'netG'; it holds params, params_ema/));
  const t = (name: string, value: number) => ({ name, shape: [1], data: Float32Array.of(value) });
  const pickled = async (entries: TensorEntry[], under?: string) => {
    const file = join(folder, 'made.pkl');
    await savePickle(file, entries, { under });
    return file;
  };
  for (const under of [undefined, 'model_state_dict', 'model', 'state_dict', 'G', 'netG', 'generator', 'params_ema'])
    for (const prefix of ['', 'module.', 'netG.', 'generator.', 'module.netG.', '_orig_mod.', 'model.'])
      assert.deepEqual(await one(await pickled([t(`${prefix}a.weight`, 3)], under)), ['a.weight=3', ''], `${under} ${prefix}`);
  assert.deepEqual(await one(put('deep.pth', fixture('deep'))), ['a=1,1', '']);
  // The discriminator's own names begin with model.
  assert.equal((await one(await pickled([t('module.model.discriminator_0.w', 3)])))[0], 'model.discriminator_0.w=3');
  await pickled([t('netG.a', 3), t('netD.a', 4)], 'state_dict');
  const mixed = join(folder, 'made.pkl');
  assert.equal((await one(mixed))[0], 'a=3');
  assert.match((await one(mixed))[1], /'netG' were taken; beside them it holds netD/);
  assert.equal((await one(mixed, 'netD'))[0], 'a=4');
  const plain = join(folder, 'mixed.safetensors');
  await saveTensors(plain, [t('module.netG.a', 3), t('module.netD.a', 4)]);
  assert.equal((await one(plain))[0], 'a=3');
  assert.equal((await one(plain, 'netD'))[0], 'a=4');
  await assert.rejects(one(plain, 'params'), refusal(/no weights under 'params'/, 'mixed.safetensors'));
});

test('what stands beside the weights is read over, whatever class its program gave it', async () => {
  const made = join(folder, 'beside.pkl');
  await savePickle(made, [{ name: 'a', shape: [1], data: Float32Array.of(3) }], { under: 'state_dict' });
  const bytes = readFileSync(made);
  const { end } = readPickle(new BufferSource('beside.pkl', bytes));
  // The dictionary lies on the stack when the pickle ends.
  const beside = (object: string) => put('beside.pkl', Buffer.concat([bytes.subarray(0, end - 1), Buffer.from(`X\x04\0\0\0args${object}s.`, 'latin1')]));
  const state = (...names: string[]) => names.reduce((text, n) => `${text}X${String.fromCharCode(n.length)}\0\0\0${n}K\x01s`, '}');
  for (const object of [
    `cmodels.options\nOptions\n)\x81${state('lr')}b`,
    `cyacs.config\nCfgNode\n)\x81${state('lr').slice(1)}`,
    'cnames\nNames\n)\x81K\x01a',
    'cdatetime\ndatetime\nU\x01a\x85R',
    'c__builtin__\nxrange\nK\x00K\x01K\x01\x87R',
  ]) {
    const opened = await openForeign(beside(object));
    assert.deepEqual([...opened.tensors.keys()], ['a'], object);
    opened.close();
  }
  await assert.rejects(openForeign(beside(`c__main__\nNet\n)\x81${state('_parameters', '_modules')}b`)), refusal(/whole module.*state_dict\(\)/));
  // Made is not called.
  await assert.rejects(openForeign(beside('cmodels.options\nOptions\n)R')), refusal(/asks for 'models\.options\.Options'/));
});

test('of weights and their average the average is taken, and told; a pair of weights and a step is read', async () => {
  const file = join(folder, 'average.pkl');
  const bytes = async (under: string, value: number) => {
    await savePickle(file, [{ name: 'a', shape: [1], data: Float32Array.of(value) }], { under });
    const all = readFileSync(file);
    return all.subarray(0, readPickle(new BufferSource(file, all)).end);
  };
  for (const [plain, average] of [
    ['g', 'g_ema'],
    ['model', 'ema'],
    ['state_dict', 'state_dict_ema'],
    ['params', 'params_ema'],
  ]) {
    const [first, second] = [await bytes(plain, 1), await bytes(average, 2)];
    // What the second holds is put into the first: its items, without its own beginning and end.
    const items = second.subarray(second.indexOf(average) - 5, -1);
    const opened = await openForeign(put('both.pkl', Buffer.concat([first.subarray(0, -1), Buffer.from('('), items, Buffer.from('.')])));
    assert.deepEqual([...opened.tensors.get('a')!.read()], [2], average);
    assert.match(opened.notes.join(), new RegExp(`'${average}' were taken; beside them it holds ${plain} `));
    opened.close();
  }
  const one = await bytes('x', 1);
  const inner = one.subarray(2, -1);
  const opened = await openForeign(put('tuple.pkl', Buffer.concat([one.subarray(0, 2), Buffer.from('('), inner, Buffer.from('K\x07t.')])), { key: 'x' });
  assert.deepEqual([...opened.tensors.keys()], ['a']);
  opened.close();
});

test('a pickle that wants anything but data is refused, and nothing runs', async () => {
  const mark = join(folder, 'executed');
  const command = `touch ${mark}`;
  const text = (s: string) => Buffer.concat([Buffer.from([0x8c, s.length]), Buffer.from(s)]);
  const cases: [string, Buffer, RegExp][] = [
    ['GLOBAL', Buffer.from(`cos\nsystem\n(S'${command}'\ntR.`), /asks for 'os\.system'/],
    ['posix', Buffer.from(`cposix\nsystem\n(U${String.fromCharCode(command.length)}${command}tR.`, 'latin1'), /asks for 'posix\.system'/],
    [
      'STACK_GLOBAL',
      Buffer.concat([Buffer.from([0x80, 4]), text('builtins'), text('eval'), Buffer.from([0x93]), text('1'), Buffer.from([0x85, 0x52, 0x2e])]),
      /asks for 'builtins\.eval'/,
    ],
    ['INST', Buffer.from(`(S'${command}'\nios\nsystem\n.`), /instruction 0x53/],
    ['INST alone', Buffer.from('(ios\nsystem\n.'), /instruction 0x69/],
    ['OBJ', Buffer.from('(cos\nsystem\no.'), /asks for 'os\.system'/],
    ['NEWOBJ', Buffer.from('cos\nsystem\n)\x81.', 'latin1'), /asks for 'os\.system'/],
    ['NEWOBJ of an array', Buffer.from('cnumpy\nndarray\n)\x81.', 'latin1'), /not a valid pickle/],
    ['NEWOBJ of what reads tensors', Buffer.from('ctorch._utils\n_rebuild_tensor_v2\n)\x81.', 'latin1'), /not a valid pickle/],
    ['calling what is read over', Buffer.from('cargparse\nNamespace\n)\x81)R.', 'latin1'), /not a valid pickle|no dictionary/],
    ['EXT1', Buffer.from([0x82, 1, 0x2e]), /instruction 0x82/],
    ['attribute', Buffer.from('cnumpy\nndarray.__class__\n.'), /asks for 'numpy\.ndarray\.__class__'/],
    ['calling a class', Buffer.from('cnumpy\nndarray\n(I1\ntR.'), /not a valid pickle/],
    ['calling a text', Buffer.from('(dI1\nR.'), /not a valid pickle/],
    ['control characters', Buffer.from('c\x1b[2Jos\nsystem\n.'), /asks for '\?\[2Jos\.system'/],
  ];
  for (const [name, bytes, pattern] of cases) {
    assert.throws(() => read(bytes), refusal(pattern, 'x.pkl'), name);
    await assert.rejects(openForeign(put('evil.pkl', jittorTail(bytes))), refusal(pattern, 'evil.pkl'), name);
  }
  assert.equal(existsSync(mark), false);
  assert.throws(() => read(fixture('objectArray')), refusal(/Python objects/));
  assert.throws(() => read(fixture('bigEndian')), refusal(/big-endian/));
  assert.throws(() => read(fixture('records')), refusal(/type 'V8'/));
});

test('files that are damaged or of another kind', async () => {
  const good = fixture('protocol4');
  const withArray = (bytes: Buffer) => put('p.pkl', bytes);
  for (let n = 1; n < good.length; n += 7) assert.throws(() => read(good.subarray(0, n)), refusal(/./, 'x.pkl'), `${n}`);
  const framed = jittorTail(good);
  framed[100] ^= 1;
  await assert.rejects(openForeign(withArray(framed)), UserError);
  framed[100] ^= 1;
  framed[framed.length - 20] ^= 1;
  await assert.rejects(openForeign(withArray(framed)), refusal(/does not match its checksum/, 'p.pkl'));
  await assert.rejects(openForeign(withArray(Buffer.concat([good, good]))), refusal(/bytes follow its pickle/));
  await assert.rejects(openForeign(put('empty.pkl', Buffer.alloc(0))), refusal(/is empty/, 'empty.pkl'));
  await assert.rejects(openForeign(put('text.pkl', Buffer.from('hello world, this is no pickle'))), UserError);
  await assert.rejects(openForeign(put('list.pkl', Buffer.from(']q.', 'latin1'))), UserError);
  await assert.rejects(openForeign(put('nothing.pkl', Buffer.from('}.'))), refusal(/no dictionary of weights; it holds nothing/));
  await assert.rejects(openForeign(put('zip.pth', Buffer.from('PK\x03\x04 and no more'))), refusal(/zip|truncated/, 'zip.pth'));
  await assert.rejects(openForeign(join(folder, 'nowhere.pkl')), refusal(/There is no file/));
  await assert.rejects(openForeign(folder), refusal(/is not a file/));
  const torch = inflateSync(fixture('torch'));
  await assert.rejects(openForeign(put('cut.pth', torch.subarray(0, torch.length - 30))), refusal(/zip archive|truncated/));
  // A flipped bit in a weight is found by the archive's checksum, when the weight is read.
  const flipped = Buffer.from(torch);
  flipped[flipped.indexOf(Buffer.from(Float32Array.of(20, 21).buffer))] ^= 1;
  const opened = await openForeign(put('flip.pth', flipped));
  assert.throws(() => ['plain', 'transposed'].forEach((n) => opened.tensors.get(n)!.read()), refusal(/damaged entry/, 'flip.pth'));
  opened.close();
});

test('500 mutated files: an answer or one sentence, in no time', async () => {
  const random = normals(7);
  const below = (n: number) => Math.floor(Math.abs(random() * 1e6)) % n;
  const start = performance.now();
  for (let i = 0; i < 500; i++) {
    const kind = ['protocol2', 'protocol4', 'protocol5', 'torch', 'batchNorm', 'legacyTorch'][i % 6];
    const zip = kind === 'torch' || kind === 'batchNorm';
    const bytes = Buffer.from(zip ? inflateSync(fixture(kind)) : fixture(kind));
    for (let k = 0; k <= below(4); k++) bytes[below(bytes.length)] = below(256);
    const one = performance.now();
    try {
      const found = await openForeign(put('fuzz', i % 7 ? bytes : bytes.subarray(0, below(bytes.length))));
      try {
        for (const tensor of found.tensors.values()) tensor.read();
      } finally {
        found.close();
      }
    } catch (e) {
      assert.ok(e instanceof UserError, `${i}: ${(e as Error).stack}`);
    }
    assert.ok(performance.now() - one < 1000);
  }
  assert.ok(performance.now() - start < 10000);
});

/** A network with one convolution with spectral norm and one without. */
function network(names: [string, number[]][]): NamedVariables & { dispose(): void } {
  const entries = names.map(([name, shape]) => ({
    name,
    kind: shape.length === 4 ? ('conv' as const) : ('vector' as const),
    variable: tf.variable(tf.fill(shape, 0.5)),
  }));
  return { entries: () => entries, dispose: () => entries.forEach((e) => e.variable.dispose()) };
}
const foreignOf = (names: [string, number[]][], value = 1) => ({
  format: 'pickle' as const,
  tensors: new Map(names.map(([name, shape]) => [name, { name, shape, read: () => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) }])),
  values: {},
  notes: [],
  close: () => undefined,
});

test('names are mapped, what does not fit is reported as a whole', async () => {
  const net = network([
    ['a.weight_orig', [3, 3, 2, 4]],
    ['a.weight_u', [4]],
    ['a.weight_v', [18]],
    ['a.bias', [4]],
    ['b.weight', [1, 1, 4, 4]],
  ]);
  const target = join(folder, 'out.safetensors');
  const fitting = foreignOf([
    ['module.a.weight', [4, 2, 3, 3]],
    ['module.a.bias', [4]],
    ['module.b.weight_orig', [4, 4, 1, 1]],
    ['module.b.weight_u', [4]],
    ['module.bn.num_batches_tracked', []],
    ['module.fc.weight', [9, 9, 3, 3]],
  ]);
  const match = await importWeights('x.pth', fitting, net, target, { network: 'test' });
  assert.deepEqual([...match.found.keys()], ['a.weight_orig', 'a.bias', 'b.weight']);
  assert.deepEqual(match.kept, ['a.weight_u', 'a.weight_v']);
  assert.deepEqual(match.ignored, ['b.weight_u', 'bn.num_batches_tracked', 'fc.weight']);
  const { tensors, metadata } = await readTensors(target);
  assert.deepEqual(metadata, { network: 'test' });
  assert.deepEqual([...tensors.keys()].sort(), ['a.bias', 'a.weight_orig', 'a.weight_u', 'a.weight_v', 'b.weight']);
  assert.equal(tensors.get('a.weight_orig')!.data[0], 1);
  // All of the kernel's 4 x 18 numbers are 1: the singular vectors are constant, of length 1.
  assertClose(tensors.get('a.weight_u')!.data as Float32Array, Array(4).fill(1 / 2), 1e-6);
  assertClose(tensors.get('a.weight_v')!.data as Float32Array, Array(18).fill(1 / Math.sqrt(18)), 1e-6);
  const parametrized = foreignOf([
    ['a.parametrizations.weight.original', [4, 2, 3, 3]],
    ['a.parametrizations.weight.0._u', [4]],
    ['a.bias', [4]],
    ['b.weight', [4, 4, 1, 1]],
  ]);
  assert.deepEqual(matchNames(parametrized.tensors, net).kept, ['a.weight_v']);

  rmSync(target);
  const misfit = foreignOf([
    ['a.weight', [4, 2, 5, 5]],
    ['b.weight', [4, 4, 1, 1]],
    ['stranger', [1]],
  ]);
  await assert.rejects(
    importWeights('x.pth', misfit, net, target),
    refusal(/missing: a\.bias; unexpected: stranger; of another shape: a\.weight_orig has \[4,2,5,5\] instead of \[4,2,3,3\]/, 'x.pth'),
  );
  const spoilt = foreignOf(
    [
      ['a.weight', [4, 2, 3, 3]],
      ['a.bias', [4]],
      ['b.weight', [4, 4, 1, 1]],
    ],
    NaN,
  );
  await assert.rejects(importWeights('x.pth', spoilt, net, target), refusal(/NaN or infinity in a\.weight/, 'x.pth'));
  assert.deepEqual(
    readdirSync(folder).filter((n) => n.startsWith('out')),
    [],
  );
  net.dispose();
});

test('networks are told by names and shapes', (t) => {
  const file = withMaterial(t, 'golden/golden_small.json');
  if (!file) return;
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Record<string, [string, number[]][]>;
  const tensors = (list: [string, number[]][]) => new Map(list.map(([name, shape]) => [name, { shape }]));
  assert.deepEqual(guessNetwork('x', tensors(golden.G_state_dict_all)), {
    network: 'LGGAN',
    config: { classes: 29, ngf: 64, spadeHidden: 128, residualBlocks: 9, upsampling: 'sau', sauCompressed: 64, noise: false, style: false },
  });
  assert.deepEqual(guessNetwork('x', tensors(golden.D_state_dict_all)), {
    network: 'Discriminator',
    config: { classes: 29, ndf: 64, scales: 2, layers: 4, behaviour: { spectralNorm: 'paper' } },
  });
  assert.throws(() => guessNetwork('x.pkl', tensors([['a', [1]]])), refusal(/none of these networks.*begin with a\./, 'x.pkl'));
});

test('a pickle that we write is read by this reader and by Python', async (t) => {
  const file = join(folder, 'ours.pkl');
  const kernel = Float32Array.from({ length: 4 * 300 }, (_, i) => i / 7);
  const entries = [
    { name: 'head.0.weight', shape: [4, 300, 1, 1], data: kernel },
    { name: 'b', shape: [2], data: async () => Float32Array.of(-0, 1e-40) },
    { name: 's', shape: [], data: Float32Array.of(5) },
  ];
  await savePickle(file, entries, { under: 'model' });
  const found = await openForeign(file);
  assert.equal(found.format, 'jittor pickle');
  assert.deepEqual(found.tensors.get('head.0.weight')!.shape, [4, 300, 1, 1]);
  assert.deepEqual(found.tensors.get('head.0.weight')!.read(), kernel);
  assert.deepEqual(found.tensors.get('b')!.read(), Float32Array.of(-0, 1e-40));
  found.close();
  await savePickle(file, entries);
  assert.deepEqual((await openForeign(file)).tensors.get('s')!.shape, []);
  const program = `
import pickle, numpy as np, hashlib, sys
raw = open(sys.argv[1], 'rb').read()
assert raw.endswith(b'HCAJSLHD') and hashlib.sha1(raw[:-28]).digest() == raw[-28:-8]
d = pickle.loads(raw)
assert list(d) == ['head.0.weight', 'b', 's'], list(d)
assert d['head.0.weight'].dtype == np.float32 and d['head.0.weight'].shape == (4, 300, 1, 1)
assert (d['head.0.weight'].ravel() == (np.arange(1200) / 7).astype('f4')).all() and d['s'] == 5 and d['b'].flags.writeable
print('ok')`;
  try {
    execFileSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' });
  } catch {
    return t.diagnostic(`numpy is not on this machine: ${basename(file)} was read by this reader only`);
  }
  assert.match(execFileSync('python3', ['-W', 'ignore', '-c', program, file], { encoding: 'utf8' }), /ok/);
});
