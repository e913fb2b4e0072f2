"""Train the denoising autoencoder of `aeden repair`: what lies in a gap, from what stands on both sides of it.

    python train_repair.py CACHE RUN_DIR [--steps 8000]

A patch is 24 frames of speech (or other sound, a fifth), of which 2 to 10 in the middle are set to the mean: a gap of up to
80 ms spoils ten frames of 20 ms. Nothing else is spoiled, and the loss, a squared error, counts in the gap only: the
denoising of Vincent et al. 2008 with a mask for noise. The checkpoint goes to RUN_DIR/best.pt, which `export_family.py`
turns into a model. Printed: the error of the bands in the gap on held-out voices in dB, beside straight lines between
both sides.
"""
import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch

import family as M

FRAMES, MOST = 24, 10


def options(description, **defaults):
    """The arguments of both trainings on speech, of this file and of `train_encode.py`."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("cache", type=Path)
    p.add_argument("run", type=Path)
    p.add_argument("--steps", type=int)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--rate", type=float)
    p.add_argument("--code", type=int, default=48)
    p.add_argument("--nodes", type=int, nargs="*")
    p.set_defaults(**defaults)
    return p


def begin(o, settings, stored):
    """A network that knows mean and deviation of the material, `batch`, which makes standardised patches [N, frames, bands] of
    starts, and the starts to train and to validate on. The material is kept in the file `stored`."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    o.run.mkdir(parents=True, exist_ok=True)
    if not stored.exists():
        torch.save(material(o.cache, M.Settings(frames=FRAMES)), stored)
    powers, train, held_out = torch.load(stored)
    net = M.Autoencoder(settings)
    sample = powers[:: max(1, len(powers) // 200_000)].float()
    net.mean.copy_(sample.mean(0))
    net.deviation.copy_(sample.std(0))

    def batch(starts):
        rows = starts[:, None] + torch.arange(settings.frames)
        return net.standard(powers[rows].float())

    return net, batch, train, held_out


def falling(optimiser, steps):
    """A rate that rises over 200 steps and falls to nothing with a cosine."""
    share = lambda i: min(1, (i + 1) / 200) * 0.5 * (1 + math.cos(math.pi * i / steps))
    return torch.optim.lr_scheduler.LambdaLR(optimiser, share)


def material(cache, settings, every=6):
    """Log powers of every so manieth voice recording and noise, and where patches may begin: to train, to validate."""
    index = json.loads((cache / "index.json").read_text())
    starts, powers, at = {True: [], False: []}, [], 0
    for kind, entries in (("speech", index["speech"][::every]), ("noise", index["noise"][::2])):
        data = np.memmap(cache / f"{kind}.i16", np.int16, "r")
        for e in entries:
            x = data[e["offset"] : e["offset"] + min(e["length"], 20 * settings.rate)].astype(np.float32) / 32768
            p = M.log_powers(torch.from_numpy(x), settings)
            powers.append(p.half())
            if kind == "speech" or not e["validation"]:
                starts[e["validation"]].append(torch.arange(at, at + len(p) - settings.frames + 1))
            at += len(p)
    return torch.cat(powers), torch.cat(starts[False]), torch.cat(starts[True])


def masked(x, settings, generator=None):
    """Where the gap in the middle is, [N, frames], and the patches with straight lines across it."""
    n = torch.randint(2, MOST + 1, (len(x), 1), generator=generator)
    first = (settings.frames - n) // 2
    at = torch.arange(settings.frames)
    gone = (at >= first) & (at < first + n)
    return straight(x, gone), gone


def straight(x, gone):
    """Straight lines across the gap."""
    x, frames = x.clone(), gone.shape[1]
    first, n = gone.int().argmax(1), gone.sum(1)
    rows = torch.arange(len(x))
    left, right = x[rows, first - 1], x[rows, first + n]
    share = (torch.arange(frames) - first[:, None] + 1) / (n[:, None] + 1)
    line = left[:, None] + (right - left)[:, None] * share[:, :, None]
    return torch.where(gone[:, :, None], line, x)


def main():
    o = options(__doc__, steps=8000, rate=1e-3, nodes=[96]).parse_args()
    settings = M.Settings(kind="denoising-l2", code=o.code, nodes=tuple(o.nodes), frames=FRAMES)
    net, batch, train, held_out = begin(o, settings, o.run / "material.pt")
    g = torch.Generator().manual_seed(2)
    valid = batch(held_out[torch.randint(len(held_out), (4000,), generator=g)])
    seen, gone = masked(valid, settings, g)
    # From the standardised to dB.
    in_db = net.deviation * 10 / math.log(10)
    error = lambda y: ((y - valid) * in_db).square()[gone].mean().sqrt().item()
    line = error(seen)
    optimiser = torch.optim.AdamW(net.parameters(), lr=o.rate, weight_decay=1e-4)
    fall = falling(optimiser, o.steps)
    began, best = time.time(), math.inf
    for step in range(o.steps + 1):
        if step % 1000 == 0:
            with torch.no_grad():
                found = error(seen + net(seen.flatten(1)).view_as(valid))
            print(json.dumps(dict(step=step, seconds=round(time.time() - began), db=round(found, 3), straight_line_db=round(line, 3))), flush=True)
            if found < best:
                best = found
                M.save(o.run / "best.pt", net, scores=dict(db=found, straight_line_db=line), step=step)
        x = batch(train[torch.randint(len(train), (o.batch,))])
        # Loudness is relative to what is heard around the gap, which varies.
        x = x + torch.randn(len(x), 1, 1) * 5 / in_db
        hidden, missing = masked(x, settings)
        y = hidden + net(hidden.flatten(1)).view_as(x)
        loss = (y - x).square()[missing].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        fall.step()


if __name__ == "__main__":
    main()
