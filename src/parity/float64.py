"""The golden numbers in float64: writes float64.json beside this file.

The original computes in float32, so its numbers are exact to some digits only. This computes the same in float64, by the PyTorch port (which
equals the original to 5e-6) with the original's choices, from the same formula weights, label map and image:
- the generator's outputs at 192x256 as golden_full.json tells them (mean, standard deviation, least, largest, samples), in both modes
- the gradient of the generator's losses by every parameter at 64x96, as golden_small.json tells them (grad_total_G_loss_batch1_bn_eval)

    python src/parity/float64.py SHARED_FOLDER          (torch==2.13.0, two minutes, 6 GB)
"""
import json, os, re, sys

import numpy as np
import torch
import torch.nn.functional as F

here = os.path.dirname(os.path.abspath(__file__))
shared = os.path.abspath(sys.argv[1])
golden = os.path.join(shared, 'golden')
sys.path.insert(0, os.path.join(shared, 'peers'))
import lggan_torch as port
from lggan_train_torch import MultiD, tv

read = lambda name: json.load(open(os.path.join(golden, name)))
f, small, full = read('formula.json'), read('golden_small.json'), read('golden_full.json')
# `formula` and `port_name` of the script that wrote the golden training step.
script = open(os.path.join(shared, 'peers', 'golden_step_torch.py')).read()
for name in ('formula', 'port_name'):
    exec(re.search(r'def %s\(.*?\n\n\n' % name, script, re.S)[0])

nearest = F.interpolate


def resize(x, size=None, scale_factor=None, mode='nearest'):
    """The original's resize in front of head_0 is a mean of 2x2."""
    before_head = size is not None and x.shape[1] == 1024
    return F.avg_pool2d(x, 2) if before_head else nearest(x, size=size, scale_factor=scale_factor, mode=mode)


def sau(self, x):
    """As the port's, one tap after the other: 25 copies in float64 would not fit."""
    weight = self.weights(x)
    up = F.pad(nearest(x, scale_factor=2), (2, 2, 2, 2))
    h, w = up.shape[2] - 4, up.shape[3] - 4
    return self.down(sum(weight[:, k:k + 1] * up[:, :, k // 5:k // 5 + h, k % 5:k % 5 + w] for k in range(25)))


port.F.interpolate, port.SAU.forward = resize, sau


def fill(net, index):
    parameters = dict(net.named_parameters())
    names = {n: port_name(n) for _, n, _ in index if not n.startswith('fc.')}
    for i, n, shape in index:
        if n in names:
            parameters[names[n]].data.copy_(formula(i, shape))
    return names, net.double()


def inputs(height, width):
    y, x = np.mgrid[0:height, 0:width]
    label = ((y * 7) // height * 5 + (x * 5) // width * 3 + ((y * x) % 11 == 0)) % 29
    c, yy, xx = np.mgrid[0:3, 0:height, 0:width].astype(np.float64)
    image = np.sin(0.1 * (c + 1) * xx + 0.07 * yy).astype(np.float32)
    return F.one_hot(torch.from_numpy(label), 29).permute(2, 0, 1)[None].double(), torch.from_numpy(image)[None].double()


rounded = lambda v: float('%.9g' % v)


def outputs():
    seg, _ = inputs(192, 256)
    _, g = fill(port.LGGAN(29, 64, 64, 192, 256), small['G_index'])
    found = {}
    for mode in ('eval', 'train'):
        with torch.no_grad():
            final, glob, local, results, score, weights = g.train(mode == 'train')(seg)
        named = dict(final=final, result_global=glob, result_local=local, feature_score=score)
        if mode == 'eval':
            named.update({'result_%d' % k: r for k, r in enumerate(results)})
            named.update(attention_local=weights[:, :1].expand(-1, 3, -1, -1), attention_global=weights[:, 1:].expand(-1, 3, -1, -1))
        for row in full['outputs']:
            if mode not in row or row['name'] not in named:
                continue
            a = named[row['name']].numpy().reshape(-1)
            samples = a[::row[mode]['sample_stride']][:len(row[mode]['samples'])]
            found['%s/%s' % (mode, row['name'])] = dict(
                mean=rounded(a.mean()), std=rounded(a.std()), min=rounded(a.min()), max=rounded(a.max()), samples=[rounded(v) for v in samples])
    return found


def gradients():
    seg, real = inputs(64, 96)
    names, g = fill(port.LGGAN(29, 64, 64, 64, 96), small['G_index'])
    net = MultiD()
    for scale in net.d:
        for conv in scale.c[1:4]:
            torch.nn.utils.remove_spectral_norm(conv)
    _, net = fill(net, small['D_index'])
    # The original's pool counts the padding.
    judge = lambda image: (lambda x: [net.d[0](x), net.d[1](F.avg_pool2d(x, 3, 2, 1))])(torch.cat([seg, image], 1))
    final, glob, local, results, score, _ = g.eval()(seg)
    w = small['lambdas']
    loss = 0.
    for image in (final, glob, local):
        fake, true = judge(image), judge(real)
        loss = loss + sum(-layers[-1].mean() for layers in fake) / 2 + w['lambda_tv'] * tv(image) + w['lambda_l1'] * F.l1_loss(image, real)
        matching = sum(F.l1_loss(a, b.detach()) for p, q in zip(fake, true) for a, b in zip(p[:-1], q[:-1]))
        loss = loss + w['lambda_feat'] * matching / 2
    # Softmax along the rows; class 27 on the pixels of class 26.
    present = (seg.sum((2, 3))[0] > 0).double()
    entropy = -torch.diagonal(F.log_softmax(score, 0))
    loss = loss + w['lambda_class'] * (entropy * present).sum() / present.sum()
    mask = lambda k: seg[:, 26 if k == 27 else k][:, None]
    loss = loss + w['lambda_l1'] * sum(F.l1_loss(r, real * mask(k)) for k, r in enumerate(results))
    loss.backward()
    parameters = dict(g.named_parameters())

    def row(t):
        d = t.reshape(-1)
        return dict(l2=rounded(d.norm()), sum=rounded(d.sum()), absmax=rounded(d.abs().max()), first4=[rounded(v) for v in d[:4]])

    return {n: row(parameters[m].grad) for n, m in names.items()}


result = dict(note=__doc__.strip().splitlines()[0], torch=torch.__version__, formula={k: v for k, v in f.items() if k != 'weights'},
              golden_full=outputs(), golden_small=gradients())
text = json.dumps(result).replace('}, "', '},\n"')
open(os.path.join(here, 'float64.json'), 'w').write(text + '\n')
