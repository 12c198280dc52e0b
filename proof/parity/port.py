"""The PyTorch port with the original's choices, filled by a formula; for float64.py and variant.py.

The port itself lies in SHARED/peers. What is changed here: the resize in front of head_0 is a mean of 2x2, the discriminator's pool counts its
padding, neither network has spectral norm, the class score's softmax runs along the rows and mixes a batch, class 27 is compared on the pixels
of class 26.
"""
import json, os, re, sys

import numpy as np
import torch
import torch.nn.functional as F

shared = os.path.abspath(sys.argv[1])
golden = os.path.join(shared, 'golden')
sys.path.insert(0, os.path.join(shared, 'peers'))
import lggan_torch as port
from lggan_train_torch import MultiD, PatchD, tv

read = lambda name: json.load(open(os.path.join(golden, name)))
# The script that wrote the golden training step knows the names.
_script = open(os.path.join(shared, 'peers', 'golden_step_torch.py')).read()
exec(re.search(r'def port_name\(.*?\n\n\n', _script, re.S)[0])
nearest = F.interpolate


def formula(f, i, shape):
    n = int(np.prod(shape))
    j = np.arange(n, dtype=np.float64)
    s = np.sqrt(2 / np.prod(shape[1:])) if len(shape) >= 2 else f['oneDimensionalScale']
    value = s * np.sin(f['perIndex'] * (i + 1) + f['perElement'] * j + f['perMod'] * np.mod(j, f['mod']))
    return torch.from_numpy(value.astype(np.float32).reshape(shape))


def sau(self, x):
    """As the port's, one tap after the other: 25 copies in float64 would not fit."""
    weight = self.weights(x)
    up = F.pad(nearest(x, scale_factor=2), (2, 2, 2, 2))
    h, w = up.shape[2] - 4, up.shape[3] - 4
    return self.down(sum(weight[:, k:k + 1] * up[:, :, k // 5:k // 5 + h, k % 5:k % 5 + w] for k in range(25)))


def generator(f, index, ngf, height, width):
    def resize(x, size=None, scale_factor=None, mode='nearest'):
        return F.avg_pool2d(x, 2) if size is not None and x.shape[1] == 16 * ngf else nearest(x, size=size, scale_factor=scale_factor, mode=mode)
    port.F.interpolate, port.SAU.forward = resize, sau
    return fill(f, port.LGGAN(29, ngf, ngf, height, width), index)


def discriminator(f, index, ndf):
    d = MultiD()
    d.d = torch.nn.ModuleList([PatchD(32, ndf), PatchD(32, ndf)])
    for scale in d.d:
        for conv in scale.c[1:4]:
            torch.nn.utils.remove_spectral_norm(conv)
    return fill(f, d, index)


def fill(f, net, index):
    """The names in the original of the port's parameters, and the network in float64."""
    parameters = dict(net.named_parameters())
    names = {n: port_name(n) for _, n, _ in index if not n.startswith('fc.')}
    assert set(names.values()) == set(parameters)
    for i, n, shape in index:
        if n in names:
            parameters[names[n]].data.copy_(formula(f, i, shape))
    return names, net.double()


def judge(net, seg, image):
    x = torch.cat([seg, image], 1)
    return [net.d[0](x), net.d[1](F.avg_pool2d(x, 3, 2, 1))]


def losses(out, net, seg, real, w):
    """The losses of generator and discriminator by the original's names, weighted by `w`."""
    final, glob, local, results, score, _ = out
    g, d = dict(GAN=0., TV=0., GAN_Feat=0., L1=0.), dict(D_Fake=0., D_real=0.)
    for image in (final, glob, local):
        fake, true = judge(net, seg, image), judge(net, seg, real)
        g['GAN'] = g['GAN'] + sum(-layers[-1].mean() for layers in fake) / 2
        g['TV'] = g['TV'] + w['lambda_tv'] * tv(image)
        g['L1'] = g['L1'] + w['lambda_l1'] * F.l1_loss(image, real)
        matching = sum(F.l1_loss(a, b.detach()) for p, q in zip(fake, true) for a, b in zip(p[:-1], q[:-1]))
        g['GAN_Feat'] = g['GAN_Feat'] + w['lambda_feat'] * matching / 2
        d['D_Fake'] += float(sum(F.relu(1 + layers[-1]).mean() for layers in fake).detach() / 2)
        d['D_real'] += float(sum(F.relu(1 - layers[-1]).mean() for layers in true).detach() / 2)
    # The rows stand in the order of class and image, and are cut into as many blocks as there are images.
    present = (seg.sum((2, 3)) > 0).double()
    entropy = -torch.diagonal(F.log_softmax(score.view(-1, 29, 29), 1), dim1=1, dim2=2)
    g['class'] = w['lambda_class'] * (entropy * present).sum() / present.sum()
    mask = lambda k: seg[:, 26 if k == 27 else k][:, None]
    g['L1_Local'] = w['lambda_l1'] * sum(F.l1_loss(r, real * mask(k)) for k, r in enumerate(results))
    return g, d


def one_hot(label):
    return F.one_hot(torch.from_numpy(label.astype(np.int64)), 29).permute(0, 3, 1, 2).double()


def outputs(out, seg):
    """The tuple by the original's names."""
    final, glob, local, results, score, weights = out
    three = lambda x: x.expand(-1, 3, -1, -1)
    named = dict(final=final, result_global=glob, result_local=local, feature_score=score)
    named.update({'result_%d' % k: r for k, r in enumerate(results)})
    named.update(attention_local=three(weights[:, :1]), attention_global=three(weights[:, 1:]))
    return {k: v.detach().numpy() for k, v in named.items()}


def rounded(v, digits=9):
    return float('%.*g' % (digits, v))


def gradient_row(t, digits=9):
    v = t.reshape(-1)
    r = lambda x: rounded(x, digits)
    return dict(l2=r(v.norm()), sum=r(v.sum()), absmax=r(v.abs().max()), first4=[r(x) for x in v[:4]])
