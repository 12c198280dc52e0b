"""The same workloads on the PyTorch port, for `npm run bench -- --peer SCRIPT`: python peer.py SCRIPT WORKLOAD LABELS THREADS.

SCRIPT lies in the folder of `lggan_torch.py` (LGGAN, RCAN) and `lggan_train_torch.py` (MultiD, VGGLoss, step). LABELS: the label maps as bytes.
Speaks as worker.ts does: `ready`; each line `run` is answered with seconds, `memory` with the peak in GB.
"""
import json, os, resource, sys, time
script, workload, labels, threads = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], int(sys.argv[4])
sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
import torch
import torch.nn.functional as F
import lggan_torch

torch.set_num_threads(threads)
torch.manual_seed(0)
kind, (h, w), batch, classes = workload['kind'], workload['size'], workload['batch'], workload['classes']
y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing='ij')
real = torch.sin(torch.arange(3)[:, None, None] + x[None] * .1 + y[None] * .07)[None].repeat(batch, 1, 1, 1)
if kind == 'rcan':
    network = lggan_torch.RCAN().eval()
    image = (real + 1) * 127.5

    def run():
        with torch.no_grad():
            network(image)
else:
    maps = torch.tensor(list(open(labels, 'rb').read())).view(batch, h, w)
    seg = F.one_hot(maps, classes).permute(0, 3, 1, 2).float()
    G = lggan_torch.LGGAN(nc=classes, h=h, w=w)
    if kind == 'forward':
        G.eval()

        def run():
            with torch.no_grad():
                G(seg)
    elif kind == 'backward':
        def run():
            G.zero_grad(set_to_none=True)
            out = G(seg)
            (out[0].abs().mean() + out[1].abs().mean() + out[2].abs().mean()).backward()
    else:
        import lggan_train_torch as port
        D, V = port.MultiD(), port.VGGLoss()
        og, od = torch.optim.Adam(G.parameters(), 1e-4, (0., .9)), torch.optim.Adam(D.parameters(), 4e-4, (0., .9))
        weights = dict(feat=8., vgg=3., l1=2., cls=5., tv=4.)

        def run():
            port.step(G, D, V, og, od, seg, real, weights)

print('ready', flush=True)
for line in sys.stdin:
    if line.strip() == 'memory':
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024) / 1e9, flush=True)
    if line.strip() == 'run':
        started = time.time()
        run()
        print(time.time() - started, flush=True)
