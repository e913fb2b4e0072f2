"""Train the undercomplete autoencoder of `aeden encode`: spectral envelopes in few bits.

    python train_encode.py CACHE RUN_DIR [--steps 4000] [--price 0.001] [--pca]

Its code is rounded to whole numbers before it is stored. In training, rounding is noise between -1/2 and 1/2, and the number of
bits that a code takes is estimated by sum_j log2(1 + |h_j - m_j|), m_j the running mean of unit j (after Balle, Laparra &
Simoncelli 2017, "End-to-end optimized image compression", with a fixed prior): the loss is E + price * bits. It starts as
the principal component analysis, whose components are scaled so that rounding costs about as much. `--pca` stops there: the
baseline with a code of the same size. The checkpoint goes to RUN_DIR/best.pt, for `export_family.py`.

Printed for held-out voices, with a rounded code: the error in dB, and bits a second by the entropy of each unit.
"""
import json
import math
import time
from pathlib import Path

import torch
from torch.nn import functional as F

import family as M
from train_family import start
from train_repair import begin, falling, options


def entropy(code):
    """Bits of a patch, if each unit is coded by itself."""
    bits = 0.0
    for unit in code.round().T:
        share = torch.unique(unit, return_counts=True)[1] / len(unit)
        bits -= (share * share.log2()).sum().item()
    return bits


def main():
    p = options(__doc__, steps=4000, rate=3e-4, nodes=[192])
    p.add_argument("--price", type=float, default=0.001, help="of a bit a patch, in mean squared error")
    p.add_argument("--step", type=float, default=1.5, help="of rounding, in standardised units of the principal components")
    p.add_argument("--pca", action="store_true")
    o = p.parse_args()
    settings = M.Settings(kind="undercomplete", code=o.code, nodes=() if o.pca else tuple(o.nodes))
    net, patches, train, held_out = begin(o, settings, o.run.parent / "material.pt")
    batch = lambda starts: patches(starts).flatten(1)
    g = torch.Generator().manual_seed(2)
    valid = batch(held_out[torch.randint(len(held_out), (4000,), generator=g)])
    with torch.no_grad():
        for layer in (*net.encoder, *net.decoder):
            layer.weight.zero_()  # the start adds a part of what stands there: here the components alone are best
    start(net, batch(train[torch.randint(len(train), (40_000,), generator=g)]))
    with torch.no_grad():
        # Whole numbers as steps: the code is scaled so that its units have the components' deviations over the step.
        h = net.encode(valid)
        components = torch.linalg.svd(valid - valid.mean(0), full_matrices=False)[1][: o.code] / len(valid) ** 0.5
        scale = components / h.std(0) / o.step
        net.encoder[-1].weight.mul_(scale[:, None])
        net.encoder[-1].bias.mul_(scale)
        net.decoder[0].weight.div_(scale)
    in_db = (net.deviation * 10 / math.log(10)).repeat(settings.frames)
    patches_a_second = settings.rate / settings.hop / settings.frames

    @torch.no_grad()
    def tell(step, began):
        h = net.encode(valid)
        y = net.decode(h.round())
        db = ((y - valid) * in_db).square().mean().sqrt().item()
        error = F.mse_loss(y, valid).item()
        scores = dict(step=step, seconds=round(time.time() - began), db=round(db, 3), error=round(error, 4),
                      unrounded=round(F.mse_loss(net.decode(h), valid).item(), 4),
                      bits_a_second=round(entropy(h) * patches_a_second))
        print(json.dumps(scores), flush=True)
        M.save(o.run / "best.pt", net, scores=scores, step=step)

    began = time.time()
    if o.pca:
        tell(0, began)
        return
    optimiser = torch.optim.AdamW(net.parameters(), lr=o.rate, weight_decay=1e-5)
    fall = falling(optimiser, o.steps)
    for step in range(o.steps):
        if step % 1000 == 0:
            tell(step, began)
        x = batch(train[torch.randint(len(train), (o.batch,))])
        h = net.encode(x)
        centre = h.detach().mean(0)
        y = net.decode(h + torch.rand_like(h) - 0.5)
        bits = torch.log2(1 + (h - centre).abs()).sum(1).mean()
        loss = F.mse_loss(y, x) + o.price * bits
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        fall.step()
    tell(o.steps, began)


if __name__ == "__main__":
    main()
