import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DamagedFileError, UserError } from '../common/errors';
import { formulaWeights } from '../../proof/testing/golden';
import { withMaterial } from '../../proof/testing/material';
import { bfloat16ToFloat, floatToHalf, halfToFloat } from './half';
import { isFiniteArray, readTensors, readTensorsHeader, saveTensors } from './safetensors';

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
after(() => rmSync(folder, { recursive: true }));

/** A file from a header and data, as any program might have written it. */
function craft(header: unknown, data: Uint8Array = new Uint8Array(0)): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = join(folder, 'crafted.safetensors');
  writeFileSync(file, Buffer.concat([length, text, data]));
  return file;
}

const damaged = (pattern: RegExp, file: string) => (e: unknown) => {
  assert.ok(e instanceof DamagedFileError && e instanceof UserError, String(e));
  assert.ok(e.message.startsWith(file), e.message);
  assert.match(e.message, pattern);
  return true;
};

test('a file written by another library is read', async (t) => {
  const file = withMaterial(t, 'golden/checkpoints/rcan_tiny.safetensors');
  if (!file) return;
  const { tensors, metadata, sha256 } = await readTensors(file, { requireFinite: true });
  assert.equal(sha256, undefined);
  assert.deepEqual(metadata, {});
  const names = [...tensors.keys()].filter((n) => !/^(sub|add)_mean/.test(n)).sort();
  // Its weights follow the formula, counted over the sorted names.
  names.forEach((name, i) => {
    const { shape, dtype, data } = tensors.get(name)!;
    assert.equal(dtype, 'F32');
    const expected = formulaWeights(i, shape);
    assert.equal(data.length, expected.length);
    // One unit in the last place, see formulaWeights.
    for (let j = 0; j < data.length; j++) assert.ok(Math.abs(Number(data[j]) - expected[j]) <= 6e-8 * Math.abs(expected[j]) + 2e-9, name);
  });
  assert.deepEqual([...(await readTensorsHeader(file)).tensors.keys()].sort(), [...tensors.keys()].sort());
});

test('what is written comes back bit for bit, with metadata', async () => {
  const file = join(folder, 'a.safetensors');
  const weights = Float32Array.of(1.5, -0, 3e-45, Infinity, NaN, 6);
  const sum = await saveTensors(
    file,
    [
      { name: 'w', shape: [2, 3], data: weights },
      { name: 'steps', shape: [], dtype: 'int32', data: Int32Array.of(-7) },
      { name: 'none', shape: [0, 4], data: new Float32Array(0) },
      { name: '__proto__', shape: [1], data: async () => Float32Array.of(9) },
    ],
    { step: '12', note: 'ünïcode "quoted" {brackets}: \\' },
  );
  const { tensors, metadata, sha256 } = await readTensors(file);
  assert.equal(sha256, sum);
  assert.deepEqual(metadata, { step: '12', note: 'ünïcode "quoted" {brackets}: \\' });
  assert.deepEqual([...tensors.keys()].sort(), ['__proto__', 'none', 'steps', 'w']);
  assert.deepEqual(Buffer.from((tensors.get('w')!.data as Float32Array).slice().buffer), Buffer.from(weights.buffer));
  assert.deepEqual(tensors.get('steps'), { dtype: 'I32', shape: [], data: Int32Array.of(-7) });
  assert.deepEqual(tensors.get('none')!.shape, [0, 4]);
  assert.equal(tensors.get('__proto__')!.data[0], 9);
  assert.deepEqual(
    readdirSync(folder).filter((n) => n.endsWith('.part')),
    [],
  );
  await assert.rejects(readTensors(file, { requireFinite: true }), /a\.safetensors holds NaN or infinity in w\./);
  await assert.rejects(saveTensors(file, [{ name: 'w', shape: [6], data: weights }], {}, { requireFinite: true }), /w holds NaN or infinity/);
  // The refused write left the file as it was.
  assert.equal((await readTensors(file)).sha256, sum);
});

test('every flipped bit is noticed', async () => {
  const file = join(folder, 'flip.safetensors');
  await saveTensors(file, [{ name: 'w', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }], { step: '1200' });
  const bytes = readFileSync(file);
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    const copy = Buffer.from(bytes);
    copy[bit >> 3] ^= 1 << (bit & 7);
    writeFileSync(file, copy);
    await assert.rejects(readTensors(file), damaged(/./, file), `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length += 3) {
    writeFileSync(file, bytes.subarray(0, length));
    await assert.rejects(readTensors(file), damaged(/empty|truncated|not a \.safetensors/, file), `${length} bytes`);
  }
});

test('half precision: nearest even as IEEE 754 has it', async () => {
  // Every half there is comes back from its own value.
  for (let h = 0; h < 65536; h++) {
    const v = halfToFloat(h);
    if (v === v) assert.equal(floatToHalf(v), h);
    else assert.ok(halfToFloat(floatToHalf(v)) !== halfToFloat(floatToHalf(v)));
  }
  // Midpoints between neighbours go to the even one, anything off the midpoint to the nearer.
  for (const h of [0, 1, 2, 0x3ff, 0x400, 0x401, 0x3c00, 0x3c01, 0x7bfe]) {
    const [low, high] = [halfToFloat(h), halfToFloat(h + 1)];
    const middle = (low + high) / 2;
    assert.equal(floatToHalf(middle), h % 2 === 0 ? h : h + 1);
    assert.equal(floatToHalf(middle + (high - low) / 1000), h + 1);
    assert.equal(floatToHalf(-middle + (high - low) / 1000), h | 0x8000);
  }
  assert.equal(floatToHalf(65520), 0x7c00);
  assert.equal(floatToHalf(65519.996), 0x7bff);
  assert.equal(bfloat16ToFloat(0x3f80), 1);
  assert.equal(bfloat16ToFloat(0xc049), -3.140625);

  const file = join(folder, 'half.safetensors');
  const values = Float32Array.of(0.1, 1 / 3, -2, 1e-5);
  await saveTensors(
    file,
    [
      { name: 'w', shape: [2, 2], data: values },
      { name: 'b', shape: [4], data: values },
    ],
    {},
    { half: true },
  );
  const { tensors } = await readTensors(file);
  assert.equal(tensors.get('w')!.dtype, 'F16');
  assert.deepEqual(
    tensors.get('w')!.data,
    Float32Array.from(values, (v) => halfToFloat(floatToHalf(v))),
  );
  assert.deepEqual(tensors.get('b'), { dtype: 'F32', shape: [4], data: values });
  await assert.rejects(saveTensors(file, [{ name: 'w', shape: [1, 1], data: Float32Array.of(1e5) }], {}, { half: true }), /w holds 100000/);
});

test('all types are read, aligned or not', async () => {
  const data = new Uint8Array(1 + 4 + 2 + 8 + 8);
  const view = new DataView(data.buffer);
  view.setUint8(0, 200);
  view.setFloat32(1, 1.25, true);
  view.setUint16(5, 0xbf80, true);
  view.setBigInt64(7, -(2n ** 60n), true);
  view.setFloat64(15, Math.PI, true);
  const file = craft(
    {
      u: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
      f: { dtype: 'F32', shape: [1, 1], data_offsets: [1, 5] },
      b: { dtype: 'BF16', shape: [], data_offsets: [5, 7] },
      i: { dtype: 'I64', shape: [1], data_offsets: [7, 15] },
      d: { dtype: 'F64', shape: [1], data_offsets: [15, 23] },
    },
    data,
  );
  const { tensors } = await readTensors(file);
  assert.deepEqual(Object.fromEntries([...tensors].map(([k, t]) => [k, t.data[0]])), {
    u: 200,
    f: 1.25,
    b: -1,
    i: -(2n ** 60n),
    d: Math.PI,
  });
  assert.ok(isFiniteArray(tensors.get('i')!.data));
});

test('headers that lie get one sentence that names the file', async () => {
  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  const eight = new Uint8Array(8);
  const cases: [unknown, Uint8Array, RegExp][] = [
    [{ a: f32(0, 8), b: f32(4, 8) }, eight, /'b' overlaps/],
    [{ a: f32(4, 8) }, eight, /'a' leaves a hole/],
    [{ a: f32(0, 4) }, eight, /4 bytes at its end belong to no tensor/],
    [{ a: f32(0, 12) }, eight, /truncated: 'a' ends 4 bytes behind/],
    [{ a: f32(0, 8, [3]) }, eight, /has 8 bytes, its shape \[3\] of F32 needs 12/],
    [{ a: f32(0, 8, [2 ** 40, 2 ** 40]) }, eight, /needs/],
    [{ a: f32(0, 8, [-2]) }, eight, /no valid shape/],
    [{ a: f32(0, 8, [1.5]) }, eight, /no valid shape/],
    [{ a: f32(8, 0, [2]) }, eight, /no valid offsets/],
    [{ a: { dtype: 'F8', shape: [8], data_offsets: [0, 8] } }, eight, /of the type 'F8'/],
    [{ a: { dtype: 'toString', shape: [8], data_offsets: [0, 8] } }, eight, /of the type 'toString'/],
    [{ a: { ...f32(0, 8), more: 1 } }, eight, /unknown field 'more'/],
    [{ a: [1, 2] }, eight, /entry 'a' of its header is no object/],
    [{ __metadata__: { a: 1 } }, new Uint8Array(0), /metadata 'a' is no string/],
    [{ __metadata__: { sha256: 'abc' } }, new Uint8Array(0), /checksum is not one/],
    ['{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight, /names 'a' twice/],
    ['{"x":', eight, /not valid JSON/],
    ['[1, 2, 3]', eight, /no JSON object/],
    ['{"\xff', eight, /not valid JSON/],
    [`{${'[{'.repeat(100000)}`, eight, /not valid JSON/],
  ];
  for (const [header, data, pattern] of cases) {
    const file = craft(header, data);
    await assert.rejects(readTensors(file), damaged(pattern, file));
  }
  const file = craft({}, eight);
  for (const length of [2n ** 63n, 10n ** 9n, 99_999_999n]) {
    const bytes = readFileSync(file);
    bytes.writeBigUInt64LE(length);
    writeFileSync(file, bytes);
    await assert.rejects(readTensors(file), damaged(/16 MB|truncated/, file));
  }
  await assert.rejects(readTensors(join(folder, 'nowhere')), /There is no file .*nowhere/);
  await assert.rejects(readTensors(folder), /is a folder, not a file|not a \.safetensors/);
  await assert.rejects(saveTensors(join(folder, 'nowhere', 'x'), []), /nowhere\/x was not written: its folder does not exist/);
});
