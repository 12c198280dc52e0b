"""Writes the golden files that travel with the project, from the large ones.

    python proof/testing/golden/trim.py SHARED_FOLDER/golden          (numpy, Pillow)

Values are left out, never rounded: a large array keeps every STRIDE-th element in C order, its largest magnitude (what limits are measured
against) among them, under the name KEY|STRIDE|FIRST|SHAPE; documents are whole.
`sau.npz` holds the upper left corner of what enters the upsamplers, and what comes out. The checkpoints are those that Jittor, numpy, PyTorch and
safetensors wrote: `checkpoints.json` holds every byte that the formula of the weights does not give. `../trimmed.ts` reads all this.
"""
import base64, gzip, hashlib, io, json, os, shutil, struct, sys

import numpy as np
from PIL import Image

source, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))


def read(name):
    with open(os.path.join(source, name), 'rb') as file:
        return file.read()


def pack(name, data):
    with open(os.path.join(here, name + '.gz'), 'wb') as file:
        file.write(gzip.compress(data, 9, mtime=0))


# Pictures keep one of 13 values, the classes' pictures one of 61, features some 500: primes, so that every channel, row and column is met.
def stride(key, size):
    if key.startswith('in/') or size <= 2000:
        return 1
    if key.startswith(('D/', 'sau/')) or key.startswith('after_'):
        return next(p for p in (13, 31, 61, 97, 127, 199, 251, 397, 499, 797, 997) if size / p <= 600)
    if 'label_3_' in key:
        return 1
    return 61 if '_result_' in key and key[-1].isdigit() else 5 if key == 'out' else 7 if size < 10000 else 13


for name in ('golden_small', 'golden_rcan'):
    arrays = {}
    with np.load(os.path.join(source, name + '.npz')) as large:
        for key in large.files:
            a, step = large[key], stride(key, large[key].size)
            whole = step == 1 or key == 'in'
            first = int(np.abs(a.reshape(-1).astype(np.float64)).argmax()) % step
            arrays[key if whole else '%s|%d|%d|%s' % (key, step, first, 'x'.join(map(str, a.shape)))] = a if whole else a.reshape(-1)[first::step]
        if name == 'golden_small':
            corner = {}
            for sau in ('deconv3_local', 'deconv4_local', 'deconv3_attention', 'deconv4_attention'):
                x, w, y = (large['sau/%s.%s' % (sau, part)] for part in ('in', 'weight', 'out'))
                n = 5  # The last row and column lack their neighbours: what comes out of the others is kept, of every eighth channel.
                corner.update({sau + '.in': x[:, :, :n, :n], sau + '.weight': w[:, :, :2 * n - 2, :2 * n - 2], sau + '.out': y[:, ::8, :2 * n - 2, :2 * n - 2]})
            np.savez_compressed(os.path.join(here, 'sau.npz'), **corner)
    np.savez_compressed(os.path.join(here, name + '.npz'), **arrays)

for name in ('golden_small', 'golden_full', 'golden_rcan', 'manifest', 'split', 'tolerances', 'train_step_torch', 'formula'):
    document = json.loads(read(name + '.json'))
    # Two builds of the original differ by a fifth in these: they prove least.
    document.pop('grad_total_G_loss_batch1_train', None)
    pack(name + '.json', json.dumps(document, separators=(',', ':')).encode())

# Checkpoints: pieces of the files between the tensors, and the tensors' places in the sorted list of names.
constants = json.loads(read('formula.json'))


def formula(i, shape):
    n = int(np.prod(shape))
    j = np.arange(n, dtype=np.float64)
    scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) >= 2 else constants['oneDimensionalScale']
    value = np.sin(constants['perIndex'] * (i + 1) + constants['perElement'] * j + constants['perMod'] * np.mod(j, constants['mod']))
    return (scale * value).astype('<f4').tobytes()


tiny = read('checkpoints/rcan_tiny.safetensors')
header = json.loads(tiny[8:8 + struct.unpack('<Q', tiny[:8])[0]])
names = sorted(n for n in header if not n.startswith(('__', 'sub_mean', 'add_mean')))
tensors = [(i, header[n]['shape'], formula(i, header[n]['shape'])) for i, n in enumerate(names)]
files = {}
for name in ('rcan_tiny_jittor.pkl', 'rcan_tiny_numpy.pkl', 'rcan_tiny_torch.pth', 'rcan_tiny.safetensors', 'rcan_tiny_io.npz'):
    data, spans, pieces, at = read('checkpoints/' + name), [], [], 0
    for i, shape, weights in tensors:
        place = data.find(weights) if len(weights) >= 64 else -1
        while place >= 0:
            spans.append((place, len(weights), i, shape))
            place = data.find(weights, place + len(weights))
    for place, length, i, shape in sorted(spans):
        pieces += [base64.b64encode(data[at:place]).decode(), [i, shape]]
        at = place + length
    files[name] = dict(sha256=hashlib.sha256(data).hexdigest(), pieces=pieces + [base64.b64encode(data[at:]).decode()])
pack('checkpoints.json', json.dumps(files, separators=(',', ':')).encode())

# Pillow's pictures: both ways, all filters, one and three channels, one pixel.
os.makedirs(os.path.join(here, 'resize'), exist_ok=True)
index = json.loads(read('resize/index.json'))
index['cases'] = [c for c in index['cases'] if c['id'] in ('03', '04', '06', '08', '09', '10')]
with open(os.path.join(here, 'resize/index.json'), 'w') as file:
    json.dump(index, file)
for name in [c['id'] + end for c in index['cases'] for end in ('_in.png', '_out.png')]:
    shutil.copyfile(os.path.join(source, 'resize', name), os.path.join(here, 'resize', name))

# The JPEG is of a corner, made by a Pillow that writes the large one to the last byte.
picture = Image.open(os.path.join(source, 'resize/jpeg_in.png'))


def jpeg(image):
    file = io.BytesIO()
    image.save(file, 'JPEG')
    return file.getvalue()


assert jpeg(picture) == read('resize/jpeg_default.jpg'), 'this Pillow writes another JPEG'
corner = picture.crop((0, 0, 64, 48))
corner.save(os.path.join(here, 'resize/jpeg_in.png'))
with open(os.path.join(here, 'resize/jpeg_default.jpg'), 'wb') as file:
    file.write(jpeg(corner))
Image.open(io.BytesIO(jpeg(corner))).save(os.path.join(here, 'resize/jpeg_decoded.png'))
