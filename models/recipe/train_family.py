"""Train one autoencoder of the family, or go on training it.

    python train_family.py CACHE RUN_DIR --kind sparse-kl [--set code=64 nodes=(256,128) frames=16] [--weight 1]

CACHE is what `pack.py` wrote. RUN_DIR gets `config.json`, `curve.csv`, `scores.jsonl` and `last.pt`; the same command
goes on from there. The learning rate falls to nothing over `--steps` (a cosine). `--pca` fits a principal component
analysis with the same code size instead, the baseline of all kinds: the best linear autoencoder.
"""
import argparse
import csv
import json
import math
import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

import family as M
from train import overrides

# Weight of the penalty and settings of each kind unless others are given: those with which its property holds, see
# EXPERIMENTS.md. A sparse code is wide and has no layer before it: a unit stands for a patch.
DEFAULTS = {
    "undercomplete": (0.0, dict(nodes=(256,))),
    "sparse-l1": (0.3, dict(code=256, nodes=())),
    "sparse-kl": (1.0, dict(code=128, nodes=())),
    "contractive": (0.3, dict(nodes=(192, 96))),
    "denoising-l1": (0.0, dict(nodes=(256,))),
    "denoising-l2": (0.0, dict(nodes=(256,))),
    "variational": (1.0, dict(nodes=(192, 96))),
}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("cache", help="folder that pack.py wrote")
    p.add_argument("run", type=Path, help="folder for this run")
    p.add_argument("--kind", choices=M.KINDS, default="undercomplete")
    p.add_argument("--weight", type=float, help="of the kind's penalty")
    p.add_argument("--target", type=float, default=0.05, help="activity that sparse-kl aims at")
    p.add_argument("--steps", type=int, default=2500)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--everything", action="store_true", help="train on the held-out sources too: for a model that is not to be measured")
    p.add_argument("--pca", action="store_true")
    p.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="code, nodes, frames, …")
    return p.parse_args()


@torch.no_grad()
def scores(net, x):
    """On validation patches: error, share of the variance explained, and how the code behaves."""
    h = net.encode(x)[:, : net.settings.code]
    y = net.decode(h)
    error = torch.nn.functional.mse_loss(y, x).item()
    out = dict(error=error, explained=1 - error / x.var(0).mean().item())
    # Hoyer 2004: 0 where all units are equally active, 1 where one is.
    n = h.shape[1]
    out["sparsity"] = ((n**0.5 - h.abs().sum(1) / h.norm(dim=1).clamp(min=1e-9)) / (n**0.5 - 1)).mean().item()
    # Active: more than a tenth of what the unit ever reaches. Dead: a unit that reaches next to nothing.
    most = h.abs().amax(0)
    out["active"] = (h.abs() > 0.1 * most).float().mean().item()
    out["dead"] = (most < 0.01 * most.max()).float().mean().item()
    out["jacobian"] = M.squared_jacobian(net, x[:64])
    # The same relative to how much the codes of different patches differ, so that smaller codes are no way out.
    out["sensitivity"] = out["jacobian"] / h.var(0).mean().item()
    torch.manual_seed(1)
    out["repaired_error"] = torch.nn.functional.mse_loss(net(M.corrupt(x, net.settings)), x).item()
    if net.settings.kind == "variational":
        m, log_variance = net.encode(x).split(n, 1)
        out["kl"] = (0.5 * (m.square() + log_variance.exp() - log_variance - 1)).sum(1).mean().item()
        out["used"] = (m.var(0) > 0.01).float().mean().item()  # Burda et al. 2016
    # Continuity: halfway between two codes, is the decoded patch as likely as one? Its error after another round trip.
    half = net.decode((h + h.roll(1, 0)) / 2)
    out["halfway_error"] = torch.nn.functional.mse_loss(net(half), half).item()
    return {k: round(v, 5) for k, v in out.items()}


@torch.no_grad()
def start(net, x):
    """Begin as a principal component analysis: every layer passes the components on, ReLUs shifted to where they seldom
    bend. A kind then has to be better than the best linear autoencoder, not to find it first. Without layers between
    and without noise it is that analysis. (Starting deep autoencoders from something: Hinton & Salakhutdinov 2006.)"""
    kind = net.settings.kind
    shift = 2.5 if net.settings.nodes else 0.0
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    size = min(net.encoder[0].out_features, net.decoder[-1].in_features)
    scale = values[-size:].flip(0).clamp(min=1e-6).sqrt()
    basis = vectors[:, -size:].flip(1).T

    def put(layer, weight, bias):
        noise = 0.03 * layer.weight if net.settings.nodes else torch.zeros_like(layer.weight)
        layer.weight.copy_(noise)
        layer.weight[: weight.shape[0], : weight.shape[1]] += weight
        layer.bias.copy_(bias)

    through = lambda layer, gain=1.0: put(layer, gain * torch.eye(*layer.weight.shape), torch.zeros(len(layer.bias)))
    for layer in (*net.encoder[1:], *net.decoder[:-1]):
        through(layer)
    put(net.encoder[0], basis / scale[:, None], torch.zeros(len(net.encoder[0].bias)))
    net.encoder[0].bias[:size] += shift - (basis / scale[:, None]) @ mean
    put(net.decoder[-1], basis.T * scale, mean)
    net.decoder[-1].bias -= (basis.T * scale) @ torch.full((size,), shift)
    if net.settings.nodes:
        end = M.code_function(kind)
        net.encoder[-1].bias -= {"relu": 0.0}.get(end, shift)
        if end == "sigmoid":  # its slope is 1/4 at 1/2
            through(net.decoder[0], 4.0)
            net.decoder[0].bias -= 2.0 - shift
        elif end == "none":
            net.decoder[0].bias += shift
        net.decoder[0].bias[net.settings.code :] = shift
        if kind == "variational":  # variances that start small
            net.encoder[-1].weight[net.settings.code :] *= 0.1
            net.encoder[-1].bias[net.settings.code :] = -3.0


@torch.no_grad()
def start_sparse(net, x, target):
    """Begin with a dictionary: the units of the code stand for patches of the training material (Coates & Ng 2011), and
    few are active. A principal component analysis is no way to begin: every patch has a share of every component."""
    x = x[torch.randperm(len(x))[: net.settings.code]] - x.mean(0)
    words = x / x.norm(dim=1, keepdim=True)
    if net.settings.nodes:
        return
    encoder, decoder = net.encoder[0], net.decoder[0]
    if net.settings.kind == "sparse-kl":
        encoder.weight.copy_(0.3 * words)
        encoder.bias.fill_(math.log(target / (1 - target)))
        decoder.weight.copy_(M.LONGEST[net.settings.kind] * words.T)
    else:
        encoder.weight.copy_(words)
        encoder.bias.zero_()
        decoder.weight.copy_(words.T)


def main():
    a = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    a.run.mkdir(parents=True, exist_ok=True)
    weight, own = DEFAULTS[a.kind]
    settings = replace(M.Settings(kind=a.kind, **own), **overrides(a.set, [f.name for f in fields(M.Settings)]))
    weight = weight if a.weight is None else a.weight
    if a.pca:
        settings, a.steps = replace(settings, kind="undercomplete", nodes=()), 0
    sounds = M.Sounds(a.cache, settings)
    starts = sounds.part((lambda e: not e["validation"]) if a.everything else M.trained_on)
    g = torch.Generator().manual_seed(0)
    held = sounds.part(M.validated_on)
    held = held[torch.randperm(len(held), generator=g)[:4000]]
    net = M.Autoencoder(settings)
    sample = sounds.powers[starts[torch.randint(len(starts), (100_000,), generator=g)]].float()
    net.mean.copy_(sample.mean(0))
    net.deviation.copy_(sample.std(0))
    config = dict(model=asdict(settings), parameters=sum(p.numel() for p in net.parameters()), patches=len(starts), weight=weight,
                  **{k: v for k, v in vars(a).items() if k not in ("cache", "run", "set", "kind", "weight")})
    (a.run / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    def begin(first):
        if not first:
            sample = sounds.batch(starts[torch.randint(len(starts), (60_000,), generator=g)], net)
            start_sparse(net, sample, a.target) if a.kind.startswith("sparse") else start(net, sample)
        g.manual_seed(a.seed * 1_000_003 + first)

    def loss(ramp):
        x = sounds.batch(starts[torch.randint(len(starts), (a.batch,), generator=g)], net)
        return M.loss(net, x, weight * ramp, a.target)

    optimisers = [torch.optim.AdamW(net.parameters(), a.rate, weight_decay=1e-4)]
    seconds = train(a, net, optimisers, begin, loss, ("error", "penalty"), warm=100, every=100, clip=1.0 if a.kind != "variational" else 100.0)
    finish(a, net, sounds, held, a.steps, seconds)


def train(a, net, optimisers, begin, loss, parts, warm, every, clip):
    """Takes `a.steps` steps, the rate risen after `warm` of them and then falling to nothing, or goes on where it was stopped.
    `begin(first)` comes before the first step. `loss(ramp)` gives what falls and the `parts` for the curve, of which there is a
    line `every` so many steps. Seconds of CPU time, all starts together."""
    first, spent, last = 0, 0.0, a.run / "last.pt"
    begun = time.process_time()
    if last.exists():
        saved = torch.load(last, weights_only=False)
        net.load_state_dict(saved["weights"])
        for optimiser, state in zip(optimisers, saved["optimisers"]):
            optimiser.load_state_dict(state)
        first, spent = saved["steps"], saved["seconds"]
        print(f"going on at step {first}", flush=True)
    begin(first)
    with open(a.run / "curve.csv", "a", newline="") as f:
        curve = csv.writer(f)
        if f.tell() == 0:
            curve.writerow(["step", "cpu_seconds", "loss", *parts])
        sums = torch.zeros(1 + len(parts))
        for step in range(first, a.steps):
            for group in (group for optimiser in optimisers for group in optimiser.param_groups):
                group["lr"] = a.rate * min(1, (step + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * step / a.steps))
            # The penalty comes slowly, or units die (Bowman et al. 2016, for variational ones) before they stand for anything.
            found = loss(min(1, step / (0.3 * a.steps)))
            for optimiser in optimisers:
                optimiser.zero_grad()
            found[0].backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
            for optimiser in optimisers:
                optimiser.step()
            if net.settings.kind in M.LONGEST:
                with torch.no_grad():
                    w = net.decoder[0].weight
                    w.div_((w.norm(dim=0, keepdim=True) / M.LONGEST[net.settings.kind]).clamp(min=1.0))
            sums += torch.stack([v.detach() for v in found])
            if (step + 1) % every == 0:
                seconds = spent + time.process_time() - begun
                row = [step + 1, seconds, *(sums / every).tolist()]
                curve.writerow([f"{v:.5g}" for v in row])
                f.flush()
                print(" ".join(f"{v:.4g}" for v in row), flush=True)
                sums.zero_()
                M.save(last.with_suffix(".tmp"), net, optimisers=[o.state_dict() for o in optimisers], steps=step + 1, seconds=seconds)
                last.with_suffix(".tmp").rename(last)
    return spent + time.process_time() - begun


def finish(a, net, sounds, held, steps, seconds):
    trained = [i for i, e in enumerate(sounds.entries) if e["kind"] == "noise" and M.trained_on(e)]
    found = torch.stack([M.sound_statistics(net, sounds.of(i)) for i in trained])
    net.sound_mean.copy_(found.mean(0))
    net.sound_deviation.copy_(found.std(0).clamp(min=1e-4))
    found = dict(scores(net.eval(), sounds.batch(held, net)), steps=steps, cpu_seconds=round(seconds, 1))
    with open(a.run / "scores.jsonl", "a") as f:
        f.write(json.dumps(found) + "\n")
    M.save(a.run / "best.pt", net, steps=steps, scores=found, pca=a.pca)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
