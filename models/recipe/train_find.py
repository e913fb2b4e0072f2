"""Train the sparse autoencoder of `aeden find` and `aeden map`: descriptions of whole sounds that agree wherever, and beside
whatever else, a sound is heard.

    python train_find.py CACHE RUN_DIR [--weight 1] [--agree 1] [--restore 1] [--steps 2500] [--set code=128 "nodes=(256,)"]

The network is that of `family.py`, patch by patch. What is trained is what `aeden find` compares: mean and deviation of every
unit over a sound (`family.sound_statistics`). Every sound of a batch is heard twice (`Hearing`): each time another stretch
of it, cut, in another room, through another filter, beside other noise. With h the codes of its patches, c the patches as
they were recorded and v the standardised statistics, the loss is

    agree * NT-Xent(v) + restore * |c - y|^2 / D + weight * KL(r || mean activity)

NT-Xent: the cross-entropy of finding the other hearing of the same sound among all of the batch by the cosine (Chen et al.
2020, "SimCLR"; for sound Saeed et al. 2021, "COLA"). The second term makes it a denoising autoencoder: frames and bands are
masked as well. The third is the penalty of the sparse kind. No labels are seen.

All that happens to a sound happens to its band powers [T, bands], which is cheap: filters multiply, noise adds, a room is a
recursion along time (Lebart et al. 2001 for the exponential decay of late reverberation). RUN_DIR gets what
`train_family.py` writes; `export_family.py` turns `best.pt` into what aeden runs.
"""
import argparse
import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch
from torch.nn import functional as F

import family as M
from muon import Muon
from train import overrides
from train_family import finish, train


@dataclass(frozen=True)
class HearingSettings:
    longest: int = 160           # frames of a stretch
    shortest: int = 30
    room_share: float = 0.5
    filter_share: float = 0.8
    tilt_db: float = 4.0         # deviation, at the ends of a slope over octaves
    wave_db: float = 3.0         # deviation of slow waves along the bands
    limit_share: float = 0.3     # highs or lows are missing
    noise_share: float = 0.7
    noise_db: tuple = (3.0, 35.0)  # of the sound over the noise
    warp_share: float = 0.3
    warp: float = 0.15           # natural logarithm of a factor on frequency, at most


class Hearing:
    """Sounds as they would be heard in another place. Powers are relative to the mean of the recording."""

    def __init__(self, sounds, keep, settings, generator):
        self.sounds, self.settings, self.g = sounds, settings, generator
        self.numbers = [i for i, e in enumerate(sounds.entries) if keep(e)]
        shape = M.Settings()
        self.hz = torch.tensor(shape.centres(), dtype=torch.float32).clamp(min=0.5) * shape.rate / shape.window
        self.octaves = torch.log2(self.hz / 1000)
        white = torch.randn(40 * shape.rate, generator=generator)
        self.hiss = M.log_powers(white, shape).exp()
        self.hiss /= self.hiss.mean(0)

    def uniform(self, *shape, low=0.0, high=1.0):
        return low + (high - low) * torch.rand(*shape, generator=self.g)

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.g)

    def happens(self, n, share):
        return self.uniform(n, 1, 1) < share

    def stretches(self, chosen, starts, frames):
        """[sound][frame][band] and how many frames are there; what is shorter is followed by silence."""
        out, lengths = torch.zeros(len(chosen), frames, len(self.hz)), torch.zeros(len(chosen), dtype=torch.long)
        for row, (i, start) in enumerate(zip(chosen, starts)):
            a, b = self.sounds.spans[i]
            at = a + int(start * max(0, b - a - frames))
            part = self.sounds.powers[at : min(b, at + frames)].float().exp()
            out[row, : len(part)], lengths[row] = (part - M.FLOOR).clamp(min=0), len(part)
        return out, lengths

    def warped(self, power):
        s, n = self.settings, len(power)
        factor = torch.where(self.happens(n, s.warp_share), self.uniform(n, 1, 1, low=-s.warp, high=s.warp).exp(), torch.ones(1))[:, :, 0]
        place = torch.searchsorted(self.hz, (self.hz * factor).clamp(max=float(self.hz[-1]) - 1)).clamp(min=1)
        low, high = self.hz[place - 1], self.hz[place]
        share = ((self.hz * factor - low) / (high - low)).clamp(0, 1)[:, None]
        at = lambda k: power.gather(2, k[:, None].expand(-1, power.shape[1], -1))
        return (1 - share) * at(place - 1) + share * at(place)

    def in_rooms(self, power):
        """Direct sound, early reflections that colour it, and late ones that die away exponentially, highs sooner."""
        s = self.settings
        rows = self.happens(len(power), s.room_share).flatten().nonzero()[:, 0]
        n, frames = len(rows), power.shape[1]
        dry = power[rows] * 10 ** (0.2 * self.normal(n, 1, power.shape[2]))
        # T60 at 1 kHz; how much late sound there is for the direct one.
        t60 = self.uniform(n, 1, low=math.log(0.1), high=math.log(1.6)).exp() * torch.exp2(-0.3 * self.octaves.clamp(min=-1))
        decay = torch.exp(-13.8 * 0.01 / t60)
        late = 10 ** (self.uniform(n, 1, low=-15, high=6) / 10) * (1 - decay)
        hiss = self.hiss[torch.randint(len(self.hiss) - frames, (1,), generator=self.g) + torch.arange(frames)]
        tail, wet = torch.zeros_like(dry[:, 0]), torch.empty_like(dry)
        for t in range(frames):
            wet[:, t] = dry[:, t] + tail * hiss[t]
            tail = decay * (tail + late * dry[:, t])
        return power.index_copy(0, rows, wet)

    def filters(self, n):
        """Gains of the bands in dB, [n][1][band]."""
        s = self.settings
        slope = s.tilt_db / 5 * self.normal(n, 1, 1) * self.octaves
        turns = self.uniform(n, 3, 1, low=0.3, high=2.5) * torch.linspace(0, 2 * math.pi, len(self.hz)) + self.uniform(n, 3, 1, high=6.3)
        waves = (s.wave_db * 0.8 * self.normal(n, 3, 1) * torch.cos(turns)).sum(1, keepdim=True)
        gain = torch.where(self.happens(n, s.filter_share), slope + waves, torch.zeros(1))
        steep = lambda: self.uniform(n, 1, 1, low=12, high=60)
        top = torch.log2(self.uniform(n, 1, 1, low=math.log(2500), high=math.log(20000)).exp() / 1000)
        bottom = torch.log2(self.uniform(n, 1, 1, low=math.log(50), high=math.log(500)).exp() / 1000)
        gain = gain - torch.where(self.happens(n, s.limit_share), steep() * (self.octaves - top).clamp(min=0), torch.zeros(1))
        return gain - torch.where(self.happens(n, s.limit_share), steep() * (bottom - self.octaves).clamp(min=0), torch.zeros(1))

    def noises(self, power, lengths):
        """What else is heard: other sounds of the batch, or coloured noise. [n][frame][band], relative to the sound's power."""
        n, frames = power.shape[:2]
        other = power.roll(int(torch.randint(1, n, (1,), generator=self.g)), 0).roll(int(torch.randint(frames, (1,), generator=self.g)), 1)
        start = torch.randint(len(self.hiss) - frames, (n, 1), generator=self.g)
        made = self.hiss[start + torch.arange(frames)] * 10 ** (self.uniform(n, 1, 1, low=-6, high=1) * self.octaves.clamp(min=-4) / 10)
        noise = torch.where(self.happens(n, 0.4), other, made)
        mean = lambda v: v.mean((1, 2), keepdim=True)
        inside = (torch.arange(frames) < lengths[:, None])[:, :, None]
        sound = (power * inside).sum((1, 2), keepdim=True) / lengths[:, None, None] / power.shape[2]
        level = 10 ** (-self.uniform(n, 1, 1, low=self.settings.noise_db[0], high=self.settings.noise_db[1]) / 10)
        return torch.where(self.happens(n, self.settings.noise_share), noise * sound * level / mean(noise).clamp(min=1e-12), torch.zeros(1))

    def relative(self, power, lengths):
        inside = (torch.arange(power.shape[1]) < lengths[:, None])[:, :, None]
        mean = (power * inside).sum((1, 2), keepdim=True) / lengths[:, None, None] / power.shape[2]
        return torch.log(power / mean.clamp(min=1e-12) + M.FLOOR)

    def hear(self, chosen, frames):
        """The sounds as heard, as recorded (filtered alike), and how many frames of each count."""
        power, lengths = self.stretches(chosen, self.uniform(len(chosen)), frames)
        power = self.warped(power) * 10 ** (self.filters(len(power)) / 10)
        # After a short sound the room goes on.
        tail = torch.randint(0, 40, (len(chosen),), generator=self.g)
        heard = self.in_rooms(power)
        heard = heard + self.noises(heard, lengths)
        lengths = torch.minimum(lengths + tail, torch.tensor(frames)).clamp(min=self.sounds.frames)
        return self.relative(heard, lengths), self.relative(power, lengths), lengths


def statistics(h, weight):
    """Codes [n, patch, unit] and what each counts for [n, patch] -> what `family.sound_statistics` gives, [n, 2 * unit]."""
    weight = (weight / weight.sum(1, keepdim=True))[:, :, None]
    mean = (weight * h).sum(1)
    deviation = ((weight * (h - mean[:, None]).square()).sum(1) + 1e-8).sqrt()
    return torch.cat([mean, deviation], 1).clamp(min=1e-6).sqrt()


def nt_xent(a, b, temperature):
    v = F.normalize(torch.cat([a, b]), dim=1)
    logits = (v @ v.T / temperature).fill_diagonal_(-1e9)
    n = len(a)
    return F.cross_entropy(logits, torch.arange(2 * n).roll(n))


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("cache", help="folder that pack.py wrote")
    p.add_argument("run", type=Path, help="folder for this run")
    p.add_argument("--weight", type=float, default=1.0, help="of the penalty on activity")
    p.add_argument("--target", type=float, default=0.05, help="activity that is aimed at")
    p.add_argument("--agree", type=float, default=1.0)
    p.add_argument("--restore", type=float, default=1.0)
    p.add_argument("--temperature", type=float, default=0.15)
    p.add_argument("--steps", type=int, default=2500)
    p.add_argument("--batch", type=int, default=64, help="sounds")
    p.add_argument("--patches", type=int, default=12, help="of a sound, at most")
    p.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    p.set_defaults(pca=False)
    p.add_argument("--start", type=Path, help="checkpoint to start from")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="code, nodes, frames")
    p.add_argument("--hear", nargs="*", default=[], metavar="NAME=VALUE", help="of HearingSettings")
    return p.parse_args()


class Trainer:
    def __init__(self, a):
        self.a = a
        settings = replace(M.Settings(kind="sparse-kl", code=128, nodes=(256,), loudness=0.4), **overrides(a.set, [f.name for f in fields(M.Settings)]))
        hearing = replace(HearingSettings(), **overrides(a.hear, [f.name for f in fields(HearingSettings)]))
        self.sounds = M.Sounds(a.cache, settings)
        self.g = torch.Generator().manual_seed(a.seed)
        self.hearing = Hearing(self.sounds, M.trained_on, hearing, self.g)
        self.numbers = torch.tensor(self.hearing.numbers)
        # A voice is as likely as a sixth of a noise.
        kinds = [1.0 if self.sounds.entries[i]["kind"] == "noise" else 1 / 6 for i in self.hearing.numbers]
        self.shares = torch.tensor(kinds)
        self.net = M.Autoencoder(settings)
        if a.start:
            self.net.load_state_dict(torch.load(a.start, weights_only=False)["weights"])
        else:
            x = torch.cat([self.hearing.hear(self.draw(), 100)[0].flatten(0, 1) for _ in range(20)])
            self.net.mean.copy_(x.mean(0))
            self.net.deviation.copy_(x.std(0))
        config = dict(model=asdict(settings), hearing=asdict(hearing), parameters=sum(p.numel() for p in self.net.parameters()),
                      start=str(a.start or ""), **{k: v for k, v in vars(a).items() if k not in ("cache", "run", "set", "hear", "start")})
        a.run.mkdir(parents=True, exist_ok=True)
        (a.run / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        matrices = [layer.weight for layer in self.net.encoder]
        rest = [*self.net.decoder.parameters(), *(layer.bias for layer in self.net.encoder)]
        self.optimisers = [Muon(matrices, lr=a.rate), torch.optim.AdamW(rest, a.rate, weight_decay=0.0)]

    def draw(self):
        return self.numbers[torch.multinomial(self.shares, self.a.batch, generator=self.g)].tolist()

    def patches(self, powers, lengths):
        """Of each sound some patches, anywhere in it; [n, patch, size], where they begin, and which of them count."""
        size, most = self.net.settings.frames, self.a.patches
        room = (lengths - size + 1).clamp(min=1)
        starts = (self.hearing.uniform(len(powers), most) * room[:, None]).long()
        rows = starts[:, :, None] + torch.arange(size)
        return rows, torch.arange(most) < room[:, None].clamp(min=2)

    def at(self, powers, rows):
        n, most, size = rows.shape
        return powers[torch.arange(n)[:, None, None], rows].flatten(2)

    def loss(self, ramp):
        a, net, s = self.a, self.net, self.hearing.settings
        chosen = self.draw()
        parts, restored, activity = [], [], []
        for longest in (s.longest, int(self.hearing.uniform(1, low=s.shortest, high=s.longest // 2))):
            heard, recorded, lengths = self.hearing.hear(chosen, max(longest, net.settings.frames))
            rows, mine = self.patches(heard, lengths)
            x = self.at(net.standard(heard), rows)
            h = net.encode(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            power = heard.exp().mean(2)[torch.arange(len(chosen))[:, None, None], rows].mean(2)
            parts.append(statistics(h, mine * (power + M.FLOOR) ** net.settings.loudness))
            activity.append(h[mine])
            if a.restore:
                pick = torch.randint(len(chosen), (256,), generator=self.g), torch.randint(a.patches, (256,), generator=self.g)
                wanted = self.at(net.standard(recorded), rows)[pick]
                restored.append(F.mse_loss(net.decode(net.encode(M.corrupt(x[pick], net.settings))), wanted))
        both = torch.cat(parts)
        mean, deviation = both.mean(0), both.std(0) + 1e-3
        v = (both - mean) / deviation
        agree = nt_xent(*v.chunk(2), a.temperature)
        active = torch.cat(activity).mean(0).clamp(1e-6, 1 - 1e-6)
        r = a.target
        penalty = (r * torch.log(r / active) + (1 - r) * torch.log((1 - r) / (1 - active))).mean()
        error = sum(restored) / 2 if restored else torch.zeros(())
        return a.agree * agree + a.restore * error + a.weight * ramp * penalty, agree, error, penalty


def main():
    a = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    t = Trainer(a)
    begin = lambda first: first and t.g.manual_seed(a.seed * 1_000_003 + first)
    seconds = train(a, t.net, t.optimisers, begin, t.loss, ("agree", "error", "penalty"), warm=50, every=50, clip=5.0)
    held = t.sounds.part(M.validated_on)
    held = held[torch.randperm(len(held), generator=torch.Generator().manual_seed(0))[:4000]]
    finish(a, t.net, t.sounds, held, a.steps, seconds)


if __name__ == "__main__":
    main()
