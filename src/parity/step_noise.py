"""How far PyTorch's own training step scatters: writes step_noise.json beside this file.

Runs the golden step (peers/golden_step_torch.py of the folder of reference material) in float64 and in float32 on one thread, and compares both
and the golden file (float32, two threads). Written are the largest differences between the three: of each loss, relative; of the gradients' lengths,
relative, and of their first four values, relative to the gradient's largest value, for each kind of block; of the length of Adam's update of a
parameter, in steps of one number (the learning rate); and the names of the gradients that are zero in float64, where float32 leaves only rounding.

    python src/parity/step_noise.py FOLDER          (torch==2.13.0, two minutes on two cores)
"""
import json, os, re, sys, tempfile, types

import torch

shared = os.path.abspath(sys.argv[1])
script = os.path.join(shared, 'peers', 'golden_step_torch.py')


def run(threads, double):
    torch.set_default_dtype(torch.float64 if double else torch.float32)
    source = open(script).read().replace('set_num_threads(2)', 'set_num_threads(%d)' % threads)
    out = os.path.join(tempfile.mkdtemp(), 'step.json')
    source = source.replace("gold + '/train_step_torch.json', 'w'", repr(out) + ", 'w'")
    if double:
        # The formula's values stay those of float32; only the computation is done in float64.
        source = source.replace('.astype(np.float32)', '.astype(np.float32).astype(np.float64)').replace('.float()', '.double()')
    module = types.ModuleType('step')
    module.__file__ = script
    exec(compile(source, script, 'exec'), module.__dict__)
    return json.load(open(out))


def group(name):
    """Blocks of one kind scatter alike: 'up' for up_2.norm_0.mlp_beta.bias, 'deconv' for deconv5_17.weight."""
    return re.sub(r'_?\d.*', '', name.split('.')[0])


def measure(exact, golden, single):
    runs = (exact, golden, single)
    spread = lambda values: max(values) - min(values)
    rounded = lambda v: float('%.2g' % v)
    noise = dict(note='PyTorch against itself, written by step_noise.py', torch=exact['torch'], losses={}, groups={}, update=0., zero=[])
    for kind in ('G_losses', 'D_losses'):
        for name, value in exact[kind].items():
            noise['losses'][name] = rounded(spread([r[kind][name] for r in runs]) / abs(value))
    for kind in ('G_gradients', 'D_gradients'):
        for name, true in sorted(exact[kind].items()):
            if true['absmax'] < 1e-9:  # float64 leaves 1e-13: a bias before a norm, which takes every constant away
                noise['zero'].append(name)
                continue
            length = spread([r[kind][name]['l2'] for r in runs]) / true['l2']
            values = max(spread(v) for v in zip(*(r[kind][name]['first4'] for r in runs))) / true['absmax']
            known = noise['groups'].setdefault(group(name), [0., 0.])
            noise['groups'][group(name)] = [max(known[0], rounded(length)), max(known[1], rounded(values))]
            if kind == 'G_gradients':
                steps = spread([r['G_parameters_after'][name]['update_l2'] for r in runs]) / 1e-4
                noise['update'] = max(noise['update'], rounded(steps))
    return noise


if __name__ == '__main__':
    golden = json.load(open(os.path.join(shared, 'golden', 'train_step_torch.json')))
    noise = measure(run(2, True), golden, run(1, False))
    text = re.sub(r'\[\s+([\d.e-]+),\s+([\d.e-]+)\s+\]', r'[\1, \2]', json.dumps(noise, indent=1))
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'step_noise.json'), 'w').write(text + '\n')
