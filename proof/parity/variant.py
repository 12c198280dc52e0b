"""Writes a folder of golden files that the original never made: other constants of the formula, other label maps, size, batch and width.

    python proof/parity/variant.py SHARED_FOLDER OUT [NGF [HEIGHT WIDTH BATCH]]          (torch==2.13.0)

The numbers are the PyTorch port's in float64, in the original's way (see port.py). `npm run parity -- OUT` compares with them; `variant/`
beside this file was written so (ngf 4, 64x96, batch 2) for the test of that command. Large arrays are told by their figures.
"""
import json, os, sys

import numpy as np
import torch

from port import discriminator, generator, gradient_row, judge, losses, one_hot, outputs, read, rounded

out = sys.argv[2]
ngf, height, width, batch = (list(map(int, sys.argv[3:])) + [4, 64, 96, 2][len(sys.argv) - 3:])
os.makedirs(out, exist_ok=True)
torch.set_num_threads(1)
small = read('golden_small.json')
f = dict(perIndex=0.53, perElement=0.83, perMod=0.029, mod=61, oneDimensionalScale=0.04)
weights = dict(lambda_feat=9., lambda_l1=3., lambda_class=4., lambda_tv=2.)


def resized(index, net):
    """The original's list of names with the shapes of a narrower network."""
    from port import port_name
    shapes = {n: list(p.shape) for n, p in net.named_parameters()}
    fc = {'fc.weight': [16 * ngf, 29, 3, 3], 'fc.bias': [16 * ngf]}
    return [[i, n, fc.get(n) or shapes[port_name(n)]] for i, n, _ in index]


import port
from lggan_train_torch import MultiD, PatchD
wide = MultiD()
wide.d = torch.nn.ModuleList([PatchD(32, ngf), PatchD(32, ngf)])
for scale in wide.d:
    for conv in scale.c[1:4]:
        torch.nn.utils.remove_spectral_norm(conv)
g_index = resized(small['G_index'], port.port.LGGAN(29, ngf, ngf, height, width))
d_index = resized(small['D_index'], wide)
names, g = generator(f, g_index, ngf, height, width)
_, d = discriminator(f, d_index, ngf)

# Patches around random points, of nine classes: most are absent, 26 and 27 are there.
rng = np.random.default_rng(1)
y, x = np.mgrid[0:height, 0:width]
label = []
for _ in range(batch):
    points, classes = rng.integers(0, [height, width], (14, 2)), rng.permutation([0, 1, 3, 5, 26, 27, 8, 12, 20, 1, 3, 5, 8, 12])
    label.append(classes[((y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2).argmin(-1)])
label = np.stack(label).astype(np.uint8)
image = np.stack([np.round(4 * np.cos(0.05 * (c + 2) * x - 0.11 * y + c)) / 4 for c in range(3)]).astype(np.float16)
seg = one_hot(label)
real = torch.from_numpy(image.astype(np.float64))[None].repeat(batch, 1, 1, 1)


def summary(a, count=8):
    a, shape = a.reshape(-1), list(a.shape)
    stride = max(1, a.size // count)
    figures = dict(mean=a.mean(), std=a.std(), min=a.min(), max=a.max())
    return dict(shape=shape, **{k: rounded(v) for k, v in figures.items()}, sample_stride=stride, samples=[rounded(v) for v in a[::stride][:count]])


document = dict(G_index=g_index, D_index=d_index, lambdas=weights)
arrays = {'in/label': label if batch > 1 else label[0], 'in/image': image}
told = {}
for mode in ('eval', 'train'):
    result = g.train(mode == 'train')(seg)
    terms, other = losses(result, d, seg, real, weights)
    total = sum(terms.values())
    values = {k: rounded(float(v.detach())) for k, v in terms.items()}
    document['losses_batch%d_%s' % (batch, mode)] = dict(G=dict(values, total=rounded(float(total.detach()))), D={k: rounded(v) for k, v in other.items()})
    if mode == 'eval':
        total.backward()
        parameters = dict(g.named_parameters())
        document['grad_total_G_loss_batch%d_bn_eval' % batch] = {n: gradient_row(parameters[m].grad, 7) for n, m in names.items()}
    for name, a in outputs(result, seg).items():
        if mode == 'eval' or name in ('final', 'result_global'):
            told.setdefault(name, dict(name=name))[mode] = summary(a)
    if mode == 'eval':
        arrays['eval/61_feature_score'] = outputs(result, seg)['feature_score'].astype(np.float32)
document['outputs'] = list(told.values())
for s, layers in enumerate(judge(d, seg, real)):
    arrays['D/scale%d_feat4' % s] = layers[4].detach().numpy().astype(np.float32)

json.dump(f, open(os.path.join(out, 'formula.json'), 'w'))
text = json.dumps(document).replace('}, "', '},\n"').replace(']], "', ']],\n"')
open(os.path.join(out, 'golden_small.json'), 'w').write(text + '\n')
np.savez_compressed(os.path.join(out, 'golden_small.npz'), **arrays)
