"""The golden numbers in float64: writes float64.json beside this file.

The original computes in float32, so its numbers are exact to some digits only. This computes the same in float64, by the PyTorch port (which
equals the original to 5e-6) with the original's choices, from the same formula weights, label map and image:
- the generator's outputs at 192x256 as golden_full.json tells them (mean, standard deviation, least, largest, samples), in both modes
- the gradient of the generator's losses by every parameter at 64x96, as golden_small.json tells them (grad_total_G_loss_batch1_bn_eval)

    python proof/parity/float64.py SHARED_FOLDER          (torch==2.13.0, two minutes, 6 GB)
"""
import json, os

import numpy as np
import torch

from port import discriminator, generator, gradient_row, losses, one_hot, outputs, read, rounded

f, small, full = read('formula.json'), read('golden_small.json'), read('golden_full.json')


def inputs(height, width):
    y, x = np.mgrid[0:height, 0:width]
    label = ((y * 7) // height * 5 + (x * 5) // width * 3 + ((y * x) % 11 == 0)) % 29
    c, yy, xx = np.mgrid[0:3, 0:height, 0:width].astype(np.float64)
    image = np.sin(0.1 * (c + 1) * xx + 0.07 * yy).astype(np.float32)
    return one_hot(label[None]), torch.from_numpy(image)[None].double()


def full_outputs():
    seg, _ = inputs(192, 256)
    _, g = generator(f, small['G_index'], 64, 192, 256)
    found = {}
    for mode in ('eval', 'train'):
        with torch.no_grad():
            named = outputs(g.train(mode == 'train')(seg), seg)
        for row in full['outputs']:
            if mode not in row or row['name'] not in named:
                continue
            a = named[row['name']].reshape(-1)
            samples = a[::row[mode]['sample_stride']][:len(row[mode]['samples'])]
            figures = dict(mean=a.mean(), std=a.std(), min=a.min(), max=a.max())
            found['%s/%s' % (mode, row['name'])] = dict({k: rounded(v) for k, v in figures.items()}, samples=[rounded(v) for v in samples])
    return found


def gradients():
    seg, real = inputs(64, 96)
    names, g = generator(f, small['G_index'], 64, 64, 96)
    _, d = discriminator(f, small['D_index'], 64)
    terms, _ = losses(g.eval()(seg), d, seg, real, small['lambdas'])
    sum(terms.values()).backward()
    parameters = dict(g.named_parameters())
    return {n: gradient_row(parameters[m].grad) for n, m in names.items()}


result = dict(note=__doc__.strip().splitlines()[0], torch=torch.__version__, formula={k: v for k, v in f.items() if k != 'weights'},
              golden_full=full_outputs(), golden_small=gradients())
text = json.dumps(result).replace('}, "', '},\n"')
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'float64.json'), 'w').write(text + '\n')
