"""How far PyTorch's own training step scatters: writes step_noise.json beside this file.

Runs the golden step (peers/golden_step_torch.py of the folder of reference material) in float64, in float32 on one thread, and in float32 from weights
each moved by the last bit, three times; and compares these runs and the golden file (float32, two threads). Written are the largest differences
between any two: of each loss, relative; of the gradients' lengths, relative, and of their first four values, relative to the gradient's largest value,
for each kind of block; of the length of Adam's update of a parameter, in steps of one number (the learning rate); and the names of the gradients that
are zero in float64, where float32 leaves only rounding. `discriminator` is the discriminator's own step, whose gradients scatter with the images that
a moved generator paints, on images that are given: the reference in float64, and the scatter as above.

    python proof/parity/step_noise.py FOLDER          (torch==2.13.0, four minutes on two cores)
"""
import json, os, re, sys, tempfile, types

import numpy as np
import torch

shared = os.path.abspath(sys.argv[1])
script = os.path.join(shared, 'peers', 'golden_step_torch.py')


def run(threads=2, double=False, nudge=None):
    """The golden step's results, and its module. `nudge`: seed of the pattern by which weights move up or down by their last bit."""
    torch.set_default_dtype(torch.float64 if double else torch.float32)
    source = open(script).read().replace('set_num_threads(2)', 'set_num_threads(%d)' % threads)
    out = os.path.join(tempfile.mkdtemp(), 'step.json')
    source = source.replace("gold + '/train_step_torch.json', 'w'", repr(out) + ", 'w'")
    if double:
        # The formula's values stay those of float32; only the computation is done in float64.
        source = source.replace('.astype(np.float32)', '.astype(np.float32).astype(np.float64)').replace('.float()', '.double()')
    module = types.ModuleType('step')
    module.__file__ = script
    if nudge is not None:
        random = np.random.default_rng(nudge)
        module.nudged = lambda w: torch.from_numpy(np.nextafter(w, np.where(random.random(w.shape) < .5, np.inf, -np.inf).astype(np.float32)))
        before, after = source.split('def port_name', 1)
        source = before.replace('return torch.from_numpy(', 'return nudged(') + 'def port_name' + after
    exec(compile(source, script, 'exec'), module.__dict__)
    result = json.load(open(out))
    result['alone'] = discriminator(module)
    return result


def discriminator(step):
    """The discriminator's own step on the golden step's photos negated, at half contrast, and mirrored."""
    D = step.MultiD()
    for sub in D.d:
        for c in sub.c[1:4]:
            torch.nn.utils.remove_spectral_norm(c)
    names = step.load(D, step.man['D_index'])
    fake = real = 0.
    for image in (-step.real, 0.5 * step.real, step.real.flip(3)):
        pf, pr = step.disc(D, step.seg, image, step.real)
        fake = fake + sum(step.F.relu(1 + q[-1]).mean() for q in pf) / 2
        real = real + sum(step.F.relu(1 - q[-1]).mean() for q in pr) / 2
    (fake + real).backward()
    parameters = dict(D.named_parameters())
    return dict(losses=dict(D_Fake=fake.item(), D_real=real.item()), gradients={n: step.row(parameters[m].grad) for n, m in names.items()})


def group(name):
    """Blocks of one kind scatter alike: 'up' for up_2.norm_0.mlp_beta.bias, 'deconv' for deconv5_17.weight."""
    return re.sub(r'_?\d.*', '', name.split('.')[0])


def spread(values):
    return max(values) - min(values)


def rounded(value):
    return float('%.2g' % value)


def scatter(summaries):
    """Of a gradient's length and first values, by its scales in the first run, which is the exact one."""
    length = spread([s['l2'] for s in summaries]) / summaries[0]['l2']
    return rounded(length), rounded(max(spread(v) for v in zip(*(s['first4'] for s in summaries))) / summaries[0]['absmax'])


def measure(exact, golden, others):
    runs = [exact, golden] + others
    noise = dict(note='PyTorch against itself, written by step_noise.py', torch=exact['torch'], losses={}, groups={}, update=0., zero=[])
    for kind in ('G_losses', 'D_losses'):
        for name, value in exact[kind].items():
            noise['losses'][name] = rounded(spread([r[kind][name] for r in runs]) / abs(value))
    for kind in ('G_gradients', 'D_gradients'):
        for name, true in sorted(exact[kind].items()):
            if true['absmax'] < 1e-9:  # float64 leaves 1e-13: a bias before a norm, which takes every constant away
                noise['zero'].append(name)
                continue
            known = noise['groups'].get(group(name), (0., 0.))
            noise['groups'][group(name)] = [max(p) for p in zip(known, scatter([r[kind][name] for r in runs]))]
            if kind == 'G_gradients':
                steps = spread([r['G_parameters_after'][name]['update_l2'] for r in runs]) / 1e-4
                noise['update'] = max(noise['update'], rounded(steps))
    gradients = {n: g for n, g in exact['alone']['gradients'].items() if n not in noise['zero']}
    alone = [r['alone']['gradients'] for r in runs if 'alone' in r]
    noise['discriminator'] = dict(
        losses=exact['alone']['losses'],
        gradients=gradients,
        noise=[max(p) for p in zip(*(scatter([a[n] for a in alone]) for n in gradients))],
    )
    return noise


if __name__ == '__main__':
    golden = json.load(open(os.path.join(shared, 'golden', 'train_step_torch.json')))
    noise = measure(run(double=True), golden, [run(threads=1)] + [run(nudge=seed) for seed in range(3)])
    text = re.sub(r'\[\s+([^][{}"]+?)\s+\]', lambda m: '[%s]' % re.sub(r'\s+', ' ', m[1]), json.dumps(noise, indent=1))
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'step_noise.json'), 'w').write(text + '\n')
