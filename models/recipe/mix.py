"""Endless noisy mixtures from packed speech, noise and rooms.

Workers prepare clips of speech and of noise apart; `Mixer` scales, filters and adds their spectra in the training
process, so that every clip is heard under several noises and levels for the price of one.
"""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import soxr
import torch

from model import stft

RATE = 48_000
HUMAN = "human non-speech"  # the category of noises that a speaker makes
DEEP = 0.1  # share of a voice's energy below 200 Hz from which on it counts as deep


@dataclass(frozen=True)
class MixSettings:
    seconds: float = 2.5
    fullband_share: float = 0.35   # of the clips: speech that reaches above 10 kHz
    deep_share: float = 0.5        # of the other clips: voices whose lows were not filtered away
    speed: tuple = (-0.4, 0.16)    # of speech, natural logarithm: slower is deeper; most of the voices are high
    warp_share: float = 0.5        # of the voices: another length of the throat, the pitch unchanged,
    warp: tuple = (-0.18, 0.18)    # natural logarithm of the factor that moves formants
    lead_share: float = 0.6        # of the clips: begins before the first word; the others within an utterance
    room_share: float = 0.3
    two_noises_share: float = 0.2
    late_share: float = 0.35       # of the noises: begins within the clip, after quiet or digital silence
    human_share: float = 0.03      # of the utterances: a breath, cough, sneeze, cry, which are not taken for noise
    kept_share: float = 0.0        # of the clips: laughter, singing, crying between the words, as often as words
    babble_share: float = 0.06     # noise made of many voices
    coloured_share: float = 0.12   # made noise: tilted, hum with harmonics, hiss, bursts
    snr_db: tuple = (-6.0, 22.0)
    clean_share: float = 0.11
    silent_share: float = 0.45     # of the clean ones: no noise at all, digital silence between the words
    noise_only_share: float = 0.09
    level_db: tuple = (-50.0, 0.0)  # of the mixture's peak
    band_limit_share: float = 0.4
    made_top_share: float = 0.7    # of the voices recorded without highs: they are given some
    narrow_share: float = 0.85     # of the others of them: the noise has no highs either
    clip_share: float = 0.03
    keep_floors: bool = False      # what is wanted has the noise floor that its recording has
    pass_clean: bool = False       # of clean clips too: what needs no cleaning is to pass as it is


class Clips(torch.utils.data.IterableDataset):
    """Triples of float32: speech [2, N] as it was recorded and without the noise floor of its recording, noise [N], and the
    highest meaningful frequency of the speech, negative where sounds that are to be kept are among it."""

    def __init__(self, cache, settings, seed, validation=False):
        self.cache, self.settings, self.seed, self.validation = Path(cache), settings, seed, validation

    def open(self):
        index = json.loads((self.cache / "index.json").read_text())
        keep = lambda kind: [e for e in index[kind] if e["validation"] == self.validation]
        self.data = {k: np.memmap(self.cache / f"{k}.i16", np.int16, "r") for k in (*index, "floor") if index.get(k, True)}
        self.rooms = index["rir"]
        voices = {}
        for e in keep("speech"):
            voices.setdefault((e["source"], e["speaker"]), []).append(e)
        self.full = [v for v in voices.values() if np.median([e["top_hz"] for e in v]) > 10_000]
        self.wide = [v for v in voices.values() if np.median([e["top_hz"] for e in v]) <= 10_000]
        kinds = {}
        for e in keep("noise"):
            kinds.setdefault(e["category"], []).append(e)
        self.human = kinds.pop(HUMAN, [])
        kept = {}
        for e in keep("kept") if "kept" in index else []:
            kept.setdefault(e["category"], []).append(e)
        # What a speaker does besides speaking: by the file of samples and category, all equally often.
        self.kept = [("kept", g) for g in kept.values()] + [("noise", g) for g in (self.human,) if g and kept]
        self.noises = list(kinds.values())
        if not voices or not self.noises:
            raise SystemExit(f"{self.cache}: no {'held-out ' * self.validation}{'noise' if voices else 'speech'}; give pack.py more files")
        # Voices of one kind only stand in for the other.
        self.full, self.wide = self.full or self.wide, self.wide or self.full
        # Voices and categories are drawn by the root of their length: variety without drowning in the rare ones.
        share = lambda groups: np.array([sum(e["length"] for e in g) ** 0.5 for g in groups])
        self.weights = {k: (w := share(g)) / w.sum() for k, g in
                        (("full", self.full), ("wide", self.wide), ("noises", self.noises))}
        # Nor in one collection: two thirds of the voices come from a single one, and sound alike in more than the voice.
        for kind, groups in (("full", self.full), ("wide", self.wide)):
            source, weights = np.array([g[0]["source"] for g in groups]), self.weights[kind]
            for name in set(source):
                weights[source == name] /= weights[source == name].sum() ** 0.5
            weights /= weights.sum()
        # Telephones and headsets cut off the lows of most recorded voices; half of the clips shall have them.
        deep = np.array([np.median([e["low"] for e in g]) > DEEP for g in self.wide])
        if deep.any() and not deep.all():
            weights = self.weights["wide"]
            weights *= np.where(deep, self.settings.deep_share / weights[deep].sum(),
                                (1 - self.settings.deep_share) / weights[~deep].sum())

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        self.rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        self.open()
        n = int(self.settings.seconds * RATE)
        while True:
            speech, top = self.speech(n, self.settings.kept_share)
            yield speech, self.noise(n), np.float32(top)

    def pick(self, kind):
        groups = getattr(self, kind)
        return groups[self.rng.choice(len(groups), p=self.weights[kind])]

    def read(self, kind, entry, start=0, length=None):
        stop = entry["length"] if length is None else min(entry["length"], start + length)
        return self.data[kind][entry["offset"] + start : entry["offset"] + stop].astype(np.float32) / 32768

    def speech(self, n, kept_share=0.0):
        """One voice saying things, at another speed and pitch, perhaps in a room; in so many clips with sounds that are to be kept."""
        rng = self.rng
        voice = self.pick("full" if rng.random() < self.settings.fullband_share else "wide")
        speed = float(np.exp(rng.uniform(*self.settings.speed)))
        need, parts, top = int(n * speed) + 8, [], RATE / 2
        lead = rng.random() < self.settings.lead_share
        have = int(rng.uniform(0, 1.0) * RATE) if lead else -int(rng.uniform(0, 0.5) * need)
        if have > 0 and rng.random() < 0.3:  # or nothing for long
            have = int(rng.uniform(0, 0.8) * need)
        parts.append(np.zeros((max(have, 0), 2), np.float32))
        keeps = keeping = bool(self.kept) and rng.random() < kept_share
        while have < need:
            if keeping and rng.random() < 0.5:
                kind, group = self.kept[rng.integers(len(self.kept))]
                entry = group[rng.integers(len(group))]
                x = self.read(kind, entry)[:, None].repeat(2, 1) * 10 ** (rng.uniform(-15, 3) / 20)
            elif self.human and rng.random() < self.settings.human_share:
                keeps = True
                entry = self.human[rng.integers(len(self.human))]
                x = self.read("noise", entry)[:, None].repeat(2, 1) * 10 ** (rng.uniform(-24, 0) / 20)
            else:
                entry = voice[rng.integers(len(voice))]
                recorded = self.read("speech", entry)
                x = np.stack([recorded, recorded - self.read("floor", entry)], 1) * 10 ** (rng.uniform(-3, 3) / 20)
            top = min(top, entry["top_hz"] * speed)
            gap = np.zeros((int(rng.exponential(0.25) * RATE), 2), np.float32)
            for part in (x, gap):
                parts.append(part[max(0, -have) :])
                have += len(part)
        x = np.concatenate(parts)[:need]
        if abs(speed - 1) > 0.01:
            x = soxr.resample(x, RATE * speed, RATE, "LQ")
        x = np.pad(x, ((0, max(0, n - len(x))), (0, 0)))[:n].T
        if rng.random() < self.settings.room_share and self.rooms:
            x = self.room(x)
        return np.ascontiguousarray(x, np.float32), -top if keeps else top

    def room(self, x):
        h = self.read("rir", self.rooms[self.rng.integers(len(self.rooms))])[: RATE]
        h = h[max(0, int(np.abs(h).argmax()) - 48) :]
        h = h * np.exp(-np.arange(len(h)) / RATE * self.rng.choice([0.0, 0.0, 6.0, 20.0])).astype(np.float32)
        n = x.shape[-1]
        m = scipy.fft.next_fast_len(n + len(h))
        y = scipy.fft.irfft(scipy.fft.rfft(x, m) * scipy.fft.rfft(h, m), m)[:, :n]
        return y * np.sqrt(np.mean(x[0] ** 2) / (np.mean(y[0] ** 2) + 1e-12))

    def noise(self, n):
        rng = self.rng
        x = self.one_noise(n)
        if rng.random() < self.settings.two_noises_share:
            y = self.one_noise(n)
            x = x + y * 10 ** (rng.uniform(-12, 6) / 20)
        return x

    def one_noise(self, n):
        rng, u = self.rng, self.rng.random()
        if u < self.settings.babble_share:
            x = sum(self.speech(n)[0][0] for _ in range(rng.integers(4, 8)))
        elif u < self.settings.babble_share + self.settings.coloured_share:
            x = self.made_noise(n)
        else:
            group = self.pick("noises")
            entry = group[rng.integers(len(group))]
            speed = float(np.exp(rng.uniform(-0.35, 0.35)))
            need = int(n * speed) + 8
            start = rng.integers(max(1, entry["length"] - need))
            x = self.read("noise", entry, start, need)
            if len(x) < need:  # short sounds recur, now and then or without a pause
                pause = np.zeros(int(rng.exponential(0.4) * RATE) if rng.random() < 0.5 else 0, np.float32)
                fade = min(len(x) // 4, 960)
                x[:fade] *= np.linspace(0, 1, fade)
                x[-fade:] *= np.linspace(1, 0, fade)
                one = np.concatenate([x, pause])
                x = np.roll(np.tile(one, need // len(one) + 1), rng.integers(len(one)))[:need]
            x = soxr.resample(x, RATE * speed, RATE, "LQ")
            x = np.pad(x, (0, max(0, n - len(x))))[:n]
        x = x / (np.sqrt(np.mean(x**2)) + 1e-6)
        return (self.late(x) if u >= self.settings.babble_share and rng.random() < self.settings.late_share else x).astype(np.float32)

    def late(self, x):
        """The same, beginning some time after the start, at once or within half a second. As when a recording starts after
        silence in a project, a fan is switched on, or a scene changes: what was heard before says nothing about it."""
        rng, n = self.rng, len(x)
        begin, fade = int(rng.uniform(0.05, 0.7) * n), int(RATE * 10 ** rng.uniform(-2.5, -0.3))
        quiet = 0.0 if rng.random() < 0.15 else 10 ** (-rng.uniform(10, 70) / 20)
        x = x / (np.sqrt(np.mean(x[begin:] ** 2)) + 1e-6)
        return x * np.interp(np.arange(n), [begin, begin + fade], [quiet, 1.0])

    def made_noise(self, n):
        rng = self.rng
        f = np.maximum(np.arange(n // 2 + 1) * RATE / n, 20.0).astype(np.float32)
        kind = rng.integers(4)
        if kind == 0:  # mains hum
            t = np.arange(n, dtype=np.float32) / RATE
            base = rng.choice([50.0, 60.0]) * rng.uniform(0.99, 1.01)
            x = sum(np.sin(2 * np.pi * (base * k * t + rng.random())) * k ** -rng.uniform(0.3, 1.6)
                    for k in range(1, rng.integers(4, 40)))
            return x + 10 ** rng.uniform(-3, -0.5) * rng.standard_normal(n)
        shape = f ** rng.uniform(-1.2, 0.3)  # hiss to rumble
        for _ in range(rng.integers(4)):  # resonances of fans, pipes and cabins
            centre = np.exp(rng.uniform(np.log(60), np.log(12000)))
            shape = shape * (1 + 10 ** rng.uniform(-0.3, 1.2) / (1 + ((f - centre) / (centre * rng.uniform(0.02, 0.4))) ** 2))
        x = scipy.fft.irfft(scipy.fft.rfft(rng.standard_normal(n).astype(np.float32)) * shape, n)
        if kind == 2:  # slow swell
            knots = rng.uniform(0.1, 1.0, max(3, int(n / RATE * rng.uniform(0.5, 6))))
            x = x * np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(knots)), knots)
        if kind == 3:  # bursts, such as keys
            gate = np.zeros(n, np.float32)
            for at in rng.integers(0, n, rng.integers(4, 40)):
                size = int(RATE * 10 ** rng.uniform(-2.5, -0.8))
                gate[at : at + size] += (np.exp(-np.arange(size) / size * 5) * rng.uniform(0.2, 1))[: max(0, n - at)]
            x = x * gate
        return x


class Mixer:
    """Spectra of speech and noise -> (noisy, clean, valid, speech_only): [B, T, F] complex twice, [B, 1, F] weights of bins,
    and [B] whether nothing but speech is to be kept."""

    # Old, telephone and wireless material has nothing above one of these.
    LIMITS = (3400.0, 3900.0, 5500.0, 7800.0, 7800.0, 10800.0, 11800.0, 15500.0, 16000.0, 20000.0)
    NARROW = 10_000.0  # voices that end below were recorded at 16 kHz or less

    def __init__(self, settings, model_settings, seed, device="cpu"):
        self.s, self.m, self.device = settings, model_settings, device
        # On a GPU PyTorch's own generator: a captured graph goes on with it.
        self.g = torch.Generator().manual_seed(seed) if device == "cpu" else None
        self.limits = torch.tensor(self.LIMITS, device=device)

    def uniform(self, n, lo=0.0, hi=1.0):
        return lo + (hi - lo) * torch.rand(n, generator=self.g, device=self.device)

    def permutation(self, n):
        return torch.randperm(n, generator=self.g) if self.g else self.uniform(n).argsort()

    def equaliser(self, n, bins, depth):
        """Smooth random responses of up to +-depth dB, [n, 1, bins]."""
        knots = (self.uniform((n, 9)) - 0.5) * 2 * depth * self.uniform((n, 1))
        where = torch.log2(torch.arange(bins, device=self.device).clamp(min=1) / (bins - 1)).clamp(min=-8.0) + 8.0
        lo = where.floor().long().clamp(max=7)
        db = torch.lerp(knots[:, lo], knots[:, lo + 1], where - lo)
        return 10 ** (db / 20)[:, None]

    def clips(self, speech, noise):
        """Batches of samples [B, 2, N] and [B, N] -> what `mix` takes, computed once however often it is mixed."""
        return stft(speech.flatten(0, 1), self.m).unflatten(0, speech.shape[:2]), stft(noise, self.m)

    def warped(self, speech):
        """The clips with their spectral envelopes stretched along frequency, which tells one throat from another
        (vocal tract length perturbation: Jaitly & Hinton 2013; here the harmonics stay where they are)."""
        n, _, frames, bins = speech.shape
        s, power = self.s, speech[:, 0].real ** 2 + speech[:, 0].imag ** 2
        log = 0.5 * torch.log(power + 1e-9 * power.amax((1, 2), keepdim=True) + 1e-20)
        # The cepstrum up to 1.2 ms, below the period of every voice.
        keep = int(1.2e-3 * self.m.rate)
        cepstrum = torch.fft.irfft(log, dim=-1)
        lifter = torch.zeros(cepstrum.shape[-1], device=self.device)
        slope = torch.cos(torch.linspace(0, torch.pi / 2, keep, device=self.device)) ** 2
        lifter[:keep] = slope
        lifter[-keep + 1 :] = slope[1:].flip(0)
        envelope = torch.fft.rfft(cepstrum * lifter, dim=-1).real
        factor = torch.exp(self.uniform((n, 1), *s.warp))
        factor = torch.where(self.uniform((n, 1)) < s.warp_share, factor, 1.0)
        at = (torch.arange(bins, device=self.device) / factor).clamp(max=bins - 1.001)
        low = at.long()
        take = lambda k: envelope.gather(2, k[:, None].expand(-1, frames, -1))
        moved = torch.lerp(take(low), take(low + 1), (at - low)[:, None].expand(-1, frames, -1))
        return speech * torch.exp((moved - envelope).clamp(-4.0, 1.8))[:, None]

    def with_top(self, speech, top_hz, made):
        """The clips `made` with the octave below `top_hz` repeated above it, each time weaker (spectral band replication:
        Dietz et al. 2002). Few recorded voices reach 20 kHz; without this all the others would say that what does is noise.
        It is heard only: the loss still ends at `top_hz`."""
        n, _, frames, bins = speech.shape
        bin = torch.arange(bins, device=self.device)
        end = (top_hz * (0.97 * self.m.window / self.m.rate)).long()[:, None]
        beyond, width = bin - end, (end // 2).clamp(min=1)
        source = torch.where(beyond < 0, bin, end - width + beyond % width)
        times = torch.div(beyond, width, rounding_mode="floor")
        db = self.uniform((n, 1), -12.0, 0.0) + self.uniform((n, 1), -8.0, 0.0) * times
        stop = self.uniform((n, 1), 14_000.0, 22_000.0) * self.m.window / self.m.rate
        gain = torch.where(beyond < 0, 1.0, torch.where(bin < stop, 10 ** (db / 20), 0.0))
        # A bin turns by half a cycle a frame more than its neighbour, a hop being half a window.
        odd = ((bin - source) % 2)[:, None] * (torch.arange(frames, device=self.device) % 2)[:, None]
        moved = speech.gather(3, source[:, None, None].expand(-1, 2, frames, -1)) * (gain[:, None] * (1 - 2 * odd))[:, None]
        return torch.where(made[:, None, None, None], moved, speech)

    def mix(self, speech, noise, top_hz):
        s, n, bins = self.s, speech.shape[0], speech.shape[-1]
        top_hz, speech_only = top_hz.abs(), top_hz > 0
        noise = noise[self.permutation(n)]
        if s.warp_share:
            speech = self.warped(speech)
        speech = speech * self.equaliser(n, bins, 8.0)[:, None]
        noise = noise * self.equaliser(n, bins, 10.0)
        # Signal-to-noise ratio over the frames in which somebody speaks.
        power = (speech[:, 0].real ** 2 + speech[:, 0].imag ** 2).sum(-1)
        active = power > power.amax(1, keepdim=True) * 1e-4
        speech_power = (power * active).sum(1) / active.sum(1).clamp(min=1)
        noise_power = (noise.real**2 + noise.imag**2).sum(-1).mean(1)
        snr = self.uniform(n, *s.snr_db)
        u = self.uniform(n)
        is_clean = u < s.clean_share
        snr = torch.where(is_clean, self.uniform(n, 35.0, 70.0), snr)
        gain = torch.sqrt(speech_power / (noise_power + 1e-9)) * 10 ** (-snr / 20)
        only_noise = (u > 1 - s.noise_only_share) | (speech_power < 1e-6)
        gain = torch.where(u < s.clean_share * s.silent_share, 0.0, gain)
        gain = torch.where(only_noise, 1.0, gain)
        speech = speech * (~only_noise)[:, None, None, None]
        noise = noise * gain[:, None, None]
        # Nothing above some frequency, in speech and noise alike.
        limit = self.limits[torch.randint(len(self.limits), (n,), generator=self.g, device=self.device)]
        u = self.uniform(n)
        # Noise above the end of a voice would tell what is noise below it, as no recording does: either both end, or neither.
        v, narrow = self.uniform(n), (top_hz < self.NARROW) & ~only_noise
        made = narrow & (v < s.made_top_share)
        speech = self.with_top(speech, top_hz, made)
        narrow = narrow & ~made & (u < s.narrow_share)
        limit = torch.where(narrow, limit.clamp(max=7800.0), torch.where(u < s.band_limit_share, limit, 24_000.0))
        hz = torch.arange(bins, device=self.device) * self.m.rate / self.m.window
        keep = torch.sigmoid((limit[:, None] - hz) / 60.0)[:, None]
        keep = torch.where(keep < 1e-3, 0.0, keep)
        recorded, clean = speech[:, 0] * keep, speech[:, 0 if s.keep_floors else 1] * keep
        if s.pass_clean:
            clean = torch.where(is_clean[:, None, None], recorded, clean)
        noisy = recorded + noise * keep
        # The last octave of a source's band is no evidence of silence above it, unless noise stops there as well.
        known = torch.where((limit <= top_hz) | only_noise, 24_000.0, top_hz * 0.97)
        valid = (hz <= known[:, None]).to(hz)[:, None]
        peak = torch.sqrt((noisy.real**2 + noisy.imag**2).amax((1, 2))) / (self.m.window / 4)
        scale = 10 ** (self.uniform(n, *s.level_db) / 20) / (peak + 1e-9)
        return noisy * scale[:, None, None], clean * scale[:, None, None], valid, speech_only
