"""Train the undercomplete autoencoder of `aeden encode`: spectral envelopes in few bits.

    python train_encode.py CACHE RUN_DIR [--steps 6000] [--price 0.001] [--start CHECKPOINT] [--pca]

Its code is rounded to whole numbers before it is stored. In training, rounding is noise between -1/2 and 1/2, and the number of
bits that a code takes is estimated by a logistic distribution for each unit, whose middle and width are learnt too (after
Balle, Laparra & Simoncelli 2017, "End-to-end optimized image compression"): the loss is E + price * bits.

It starts as the principal component analysis, whose components are scaled so that rounding costs about as much: each of them
goes through a pair of ReLUs, one for either sign, so that what is far from the training material is treated as the linear
autoencoder would. The other nodes learn what that cannot say. `--pca` stops at the start: the baseline with a code of the same
size. The checkpoint goes to RUN_DIR/best.pt, for `export_family.py`.

It sees 100,000 patches, of which half are mixed with another one, at -20 to 20 dB, and a third with steady noise of a random
colour, so that noisy speech and ambience are as familiar as clean voices. Printed for held-out voices, clean and with such noise, with a rounded
code: the error in dB, and bits a second by the entropy of each unit.
"""
import json
import math
import time
from pathlib import Path

import torch
from torch import nn
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


class Prior(nn.Module):
    """How likely the values of each unit are: logistic distributions."""

    def __init__(self, h):
        super().__init__()
        self.middle = nn.Parameter(h.mean(0))
        self.width = nn.Parameter((h.std(0) * 3**0.5 / math.pi).clamp(min=0.05).log())

    def bits(self, h):
        """Of a patch, in the mean."""
        above = lambda edge: torch.sigmoid((h + edge - self.middle) / self.width.exp())
        return -torch.log2((above(0.5) - above(-0.5)).clamp(min=1e-6)).sum(1).mean()


class Noises:
    """Adds noise to patches of log powers [N, frames, bands], before they are standardised."""

    def __init__(self, settings):
        centres = torch.tensor(settings.centres(), dtype=torch.float)
        # A band's power is the sum of the squares of about so many bins.
        self.bins = torch.cat([centres[1:2] - centres[:1], (centres[2:] - centres[:-2]) / 2, centres[-1:] - centres[-2:-1]])
        self.place = torch.linspace(0, 1, len(centres))

    @staticmethod
    def sum(x, y, ratio):
        """Both, y louder than x by `ratio` (a natural logarithm), relative to the mean of their sum."""
        return torch.logaddexp(x, y + ratio) - F.softplus(ratio)

    def steady(self, n, frames):
        """Noise of a random colour: slope, and waves over frequency."""
        waves = torch.randn(n, 1, 4) / torch.arange(1, 5)
        colour = torch.randn(n, 1, 1) * 3 * self.place + waves @ torch.cos(torch.arange(1, 5)[:, None] * math.pi * self.place)
        power = torch.distributions.Gamma(self.bins, self.bins).sample((n, frames))
        y = colour + power.clamp(min=1e-6).log()
        return y - y.exp().mean((1, 2), keepdim=True).log()

    def __call__(self, x, other):
        decibels = lambda: (torch.rand(len(x), 1, 1) * 40 - 20) * math.log(10) / 10
        mixed = torch.where(torch.rand(len(x), 1, 1) < 0.5, self.sum(x, other, decibels()), x)
        n = len(x) // 3  # patches come in no order
        mixed[:n] = self.sum(mixed[:n], self.steady(n, x.shape[1]), decibels()[:n])
        return mixed.clamp(min=math.log(M.FLOOR))


@torch.no_grad()
def begin_linear(net, components):
    """The network passes the components on, each through a ReLU for either sign; the other nodes begin as small noise."""
    code = len(components.encoder[0].bias)
    first, last = components.encoder[0], components.decoder[0]
    signs = torch.cat([torch.eye(code), -torch.eye(code)])

    def put(layer, weight, bias):
        layer.weight.mul_(0.03)
        layer.weight[: weight.shape[0], : weight.shape[1]] = weight
        layer.bias.zero_()
        layer.bias[: len(bias)] = bias

    put(net.encoder[0], signs @ first.weight, signs @ first.bias)
    put(net.encoder[1], signs.T, torch.zeros(code))
    put(net.decoder[0], signs, torch.zeros(0))
    put(net.decoder[1], last.weight @ signs.T, last.bias)


def main():
    p = options(__doc__, steps=6000, rate=5e-4, nodes=[256])
    p.add_argument("--price", type=float, default=0.001, help="of a bit a patch, in mean squared error")
    p.add_argument("--step", type=float, default=1.5, help="of rounding, in standardised units of the principal components")
    p.add_argument("--start", type=Path, help="begin with the weights of this checkpoint")
    p.add_argument("--pca", action="store_true")
    o = p.parse_args()
    settings = M.Settings(kind="undercomplete", code=o.code, nodes=() if o.pca else tuple(o.nodes))
    net, patches, train, held_out = begin(o, settings, o.run.parent / "material.pt")
    noises = Noises(settings)
    draw = lambda starts, n: patches(starts[torch.randint(len(starts), (n,))])
    plain = lambda x: x * net.deviation + net.mean

    def noisy(n, starts=train):
        return net.standard(noises(plain(draw(starts, n)), plain(draw(train, n)))).flatten(1)

    valid = dict(clean=draw(held_out, 4000).flatten(1), noisy=noisy(4000, held_out))
    components = M.Autoencoder(M.Settings(kind="undercomplete", code=o.code, nodes=()))
    stock = torch.cat([noisy(2000).half() for _ in range(50)])
    with torch.no_grad():
        sample = stock[::4].float()
        start(components, sample)
        # Whole numbers as steps: the code is scaled so that its units have the components' deviations over the step.
        spread = torch.linalg.svdvals(sample[::3] - sample[::3].mean(0))[: o.code] / len(sample[::3]) ** 0.5
        scale = spread / components.encode(sample).std(0) / o.step
        components.encoder[0].weight.mul_(scale[:, None])
        components.encoder[0].bias.mul_(scale)
        components.decoder[0].weight.div_(scale)
    if o.pca:
        components.mean, components.deviation = net.mean, net.deviation
        net = components
    elif o.start:
        net.load_state_dict(M.load(o.start)[0].state_dict())
    else:
        begin_linear(net, components)
    with torch.no_grad():
        prior = Prior(net.encode(sample))
    in_db = (net.deviation * 10 / math.log(10)).repeat(settings.frames)
    patches_a_second = settings.rate / settings.hop / settings.frames

    @torch.no_grad()
    def tell(step, began):
        scores = dict(step=step, seconds=round(time.time() - began))
        for name, x in valid.items():
            h = net.encode(x)
            scores[name] = dict(db=round(((net.decode(h.round()) - x) * in_db).square().mean().sqrt().item(), 3),
                                bits_a_second=round(entropy(h) * patches_a_second))
        print(json.dumps(scores), flush=True)
        M.save(o.run / "best.pt", net, scores=scores, step=step)

    began = time.time()
    if o.pca:
        tell(0, began)
        return
    optimiser = torch.optim.AdamW([*net.parameters(), *prior.parameters()], lr=o.rate, weight_decay=1e-5)
    fall = falling(optimiser, o.steps)
    for step in range(o.steps):
        if step % 1000 == 0:
            tell(step, began)
        x = stock[torch.randint(len(stock), (o.batch,))].float()
        h = net.encode(x)
        h = h + torch.rand_like(h) - 0.5
        loss = F.mse_loss(net.decode(h), x) + o.price * prior.bits(h)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        fall.step()
    tell(o.steps, began)


if __name__ == "__main__":
    main()
