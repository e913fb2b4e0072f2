"""How well the family does its jobs, through the program `aeden`, beside baselines.

    python score_family.py find AEDEN CACHE WORK_DIR NAME=MODEL.safetensors ...
    python score_family.py detect AEDEN CACHE WORK_DIR NAME=MODEL.safetensors ...
    python score_family.py table CACHE RUN_DIR ...

CACHE is what `pack.py` wrote. Both use sounds of sources that no model was trained on (`family.HELD_OUT`).

find: for every sound of a category, all sounds of other sources are ranked; right are those of the same category.
Precision at 1 and 10, mean average precision; the baseline is mean and deviation of 20 mel cepstral coefficients and
their slopes, standardised.

detect: backgrounds of 14 s and more; the first 40 % is what is normal, the rest gets eight events each: clicks, drop-outs,
other sounds (doors, impacts, dogs ...), and half a second in which the background itself goes wrong (resonates, or
loses its highs). Area under the curve of frames with and without event; F1 of events: one counts as found if a
detection overlaps it within 0.1 s, a detection that meets none is wrong. The baseline learns frame energy and spectral
flux in the same way: distance from the normal mean in deviations, threshold at the same quantile.

table: the runs of `train_family.py` beside each other, with what `find` would find by their codes, computed here.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile as sf
import torch

import family as M

RATE = 48_000


def held_out_sounds(cache):
    index = json.loads((Path(cache) / "index.json").read_text())["noise"]
    data = np.memmap(Path(cache) / "noise.i16", np.int16, "r")
    for e in index:
        if e["source"] in M.HELD_OUT:
            yield e, data[e["offset"] : e["offset"] + e["length"]]


def mel(power, rate=RATE, bands=40):
    hz = np.linspace(0, rate / 2, power.shape[1])
    edge = 700 * np.expm1(np.linspace(0, np.log1p(16_000 / 700), bands + 2))
    rise = (hz[:, None] - edge[:-2]) / (edge[1:-1] - edge[:-2])
    fall = (edge[2:] - hz[:, None]) / (edge[2:] - edge[1:-1])
    return power @ np.clip(np.minimum(rise, fall), 0, None)


def spectra(x, window=2048, hop=480):
    x = np.pad(np.asarray(x, np.float32) / 32768, (0, max(0, window - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(x, window)[::hop]
    return np.abs(scipy.fft.rfft(frames * np.hanning(window).astype(np.float32), axis=1)) ** 2


def mfcc_statistics(x):
    c = scipy.fft.dct(np.log(mel(spectra(x)) + 1e-8), axis=1, norm="ortho")[:, :20]
    slope = np.diff(c, axis=0) if len(c) > 1 else np.zeros((1, 20))
    return np.concatenate([c.mean(0), c.std(0), slope.std(0)])


def retrieval(ranked, sounds):
    """`ranked[i]`: the numbers of all other sounds, most alike first."""
    first, ten, average = [], [], []
    category = np.array([e["category"] for e in sounds])
    source = np.array([e["source"] for e in sounds])
    for i, order in enumerate(ranked):
        order = np.array([j for j in order if source[j] != source[i]])
        right = category[order] == category[i]
        if not right.any() or category[i] == "other SFX":
            continue
        first.append(right[0])
        ten.append(right[:10].mean())
        hits = np.nonzero(right)[0]
        average.append((np.arange(1, len(hits) + 1) / (hits + 1)).mean())
    return dict(queries=len(first), p1=np.mean(first), p10=np.mean(ten), mAP=np.mean(average))


def show(name, values):
    print(json.dumps(dict(name=name, **{k: round(float(v), 4) for k, v in values.items()})), flush=True)


def by_likeness(vectors):
    unit = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
    return np.argsort(-(unit @ unit.T), axis=1)


def standardised(vectors):
    return (vectors - vectors.mean(0)) / (vectors.std(0) + 1e-9)


@torch.no_grad()
def code_statistics(net, powers):
    """What `aeden find` keeps of a sound: mean and deviation of every unit."""
    h = net.encode(M.patches(net.standard(powers), net.settings.frames, 8))[:, : net.settings.code]
    return torch.cat([h.mean(0), h.std(0, unbiased=False)]).numpy()


def table(cache, runs):
    torch.set_num_threads(1)
    baseline = standardised(np.array([mfcc_statistics(x[: 60 * RATE]) for _, x in held_out_sounds(cache)]))
    entries = [e for e, _ in held_out_sounds(cache)]
    show("mfcc", retrieval(by_likeness(baseline), entries))
    sounds = None
    for run in runs:
        net, _ = M.load(run / "best.pt")
        sounds = sounds or M.Sounds(cache, net.settings)
        config = json.loads((run / "config.json").read_text())
        scores = json.loads((run / "scores.jsonl").read_text().splitlines()[-1])
        vectors = np.array([code_statistics(net, sounds.of(i)) for i, e in enumerate(sounds.entries)
                            if e["kind"] == "noise" and e["source"] in M.HELD_OUT])
        show(run.name, dict(code=net.settings.code, parameters=config["parameters"], weight=config["weight"], **scores,
                            **retrieval(by_likeness(vectors), entries)))


def find(aeden, cache, work, models):
    folder = work / "sounds"
    sounds, files = [], []
    baseline = []
    for number, (e, x) in enumerate(held_out_sounds(cache)):
        file = folder / e["category"].replace("/", "-") / f"{number:04}-{e['source']}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            sf.write(file, x, RATE)
        sounds.append(e)
        files.append(str(file.resolve()))
        baseline.append(mfcc_statistics(x[: 60 * RATE]))
    place = {f: i for i, f in enumerate(files)}
    rng = np.random.default_rng(0)
    show("chance", retrieval([rng.permutation(len(files)) for _ in files], sounds))
    show("mfcc", retrieval(by_likeness(standardised(np.array(baseline))), sounds))
    for name, model in models:
        index = work / f"{name}.redb"
        common = ["--index", str(index), *(["--model", model] if model else [])]
        subprocess.run([aeden, "find", "index", str(folder), "--rebuild", "-q", *common], check=True)
        ranked = [[] for _ in files]
        out = subprocess.run([aeden, "find", "query", *files, "--top", "100000", "--json", *common], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        for line in out.splitlines():
            found = json.loads(line)
            ranked[place[str(Path(found["query"]).resolve())]].append(place[found["file"]])
        show(name, retrieval(ranked, sounds))


def scenes(cache):
    """(normal, test, events in seconds): int16 samples with events at known places."""
    rng = np.random.default_rng(7)
    everything = list(held_out_sounds(cache))
    steady = ("rain", "wind", "sea waves", "insects/night", "train/metro", "thunder/storm", "birds", "other SFX", "stream/waterfall/water", "fire")
    long = [x for e, x in everything if len(x) >= 14 * RATE and e["category"] in steady]
    short = [x for e, x in everything if RATE // 10 < len(x) < 2 * RATE and e["category"] in
             ("door/furniture", "impacts glass/metal/wood/stone", "dog", "explosion/gunfire", "human non-speech", "footsteps")]
    for x in long:
        x = x[: 60 * RATE].astype(np.float64) / 32768
        split = int(0.4 * len(x))
        normal, test = x[:split], x[split:].copy()
        level = np.sqrt(np.mean(normal**2)) + 1e-5
        slots = np.linspace(0.5, len(test) / RATE - 1.0, 9)
        events = []
        for slot, kind in zip(slots[:-1], rng.permutation(["click", "drop", "sound", "sound", "wrong", "drop", "click", "wrong"])):
            at = int((slot + rng.uniform(0, 0.3 * (slots[1] - slots[0]))) * RATE)
            if kind == "click":
                n = int(rng.uniform(0.0005, 0.003) * RATE)
                test[at : at + n] += level * rng.uniform(4, 15) * rng.choice([-1, 1]) * np.hanning(n)
            elif kind == "drop":
                n = int(rng.uniform(0.03, 0.2) * RATE)
                test[at : at + n] = 0
            elif kind == "sound":
                y = short[rng.integers(len(short))][: RATE // 2].astype(np.float64)
                n = len(y)
                part = test[at : at + n]
                part += y[: len(part)] * level * 10 ** (rng.uniform(-3, 9) / 20) / np.sqrt(np.mean(y**2))
            else:
                n = RATE // 2
                spectrum = scipy.fft.rfft(test[at : at + n])
                hz = np.arange(len(spectrum)) * RATE / n
                if rng.random() < 0.5:
                    centre = np.exp(rng.uniform(np.log(300), np.log(6000)))
                    spectrum *= 1 + 8 / (1 + ((hz - centre) / (0.02 * centre)) ** 2)
                else:
                    spectrum *= 1 / (1 + (hz / 2000) ** 4)
                fade = np.clip(np.minimum(np.arange(n), n - np.arange(n)) / 480, 0, 1)
                test[at : at + n] += fade * (scipy.fft.irfft(spectrum, n) - test[at : at + n])
            events.append((at / RATE, (at + n) / RATE, kind))
        to_int = lambda v: (np.clip(v, -1, 1) * 32767).astype(np.int16)
        yield to_int(normal), to_int(test), events


def area(scores, labels):
    """Area under the receiver operating characteristic: rank sum of Mann and Whitney."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    positive = labels.sum()
    return (ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * (len(labels) - positive))


def judge(found, events, tolerance=0.1):
    meets = lambda a, b: a[0] < b[1] + tolerance and a[1] > b[0] - tolerance
    hit = sum(any(meets(f, e) for f in found) for e in events)
    false = sum(not any(meets(f, e) for e in events) for f in found)
    return hit, len(events) - hit, false


def stretches(over, gap=15):
    found = []
    for t in np.nonzero(over)[0]:
        if found and t < found[-1][1] + gap:
            found[-1][1] = t + 1
        else:
            found.append([t, t + 1])
    return [(a / 100, (b + 1) / 100) for a, b in found]


def energy_and_flux(x):
    p = spectra(x, 960)
    level = np.log(p.mean(1) + 1e-9)
    log = np.log(mel(p) + 1e-8)
    flux = np.abs(np.diff(log, axis=0, prepend=log[:1])).mean(1)
    return np.stack([level, flux], 1)


def baseline(normal, test):
    a, b = energy_and_flux(normal), energy_and_flux(test)
    distance = lambda v: np.abs((v - a.mean(0)) / (a.std(0) + 1e-9)).max(1)
    return distance(b), np.quantile(distance(a), 0.999) * 1.25


def summary(areas, counts):
    hit, missed, false = np.sum(counts, 0)
    return dict(auc=np.mean(areas), f1=2 * hit / (2 * hit + missed + false), precision=hit / max(1, hit + false),
                recall=hit / (hit + missed), scenes=len(areas))


def detect(aeden, cache, work, models):
    ready = []
    for number, (normal, test, events) in enumerate(scenes(cache)):
        folder = work / "scenes" / f"{number:02}"
        (folder / "normal").mkdir(parents=True, exist_ok=True)
        sf.write(folder / "normal" / "normal.wav", normal, RATE)
        sf.write(folder / "test.wav", test, RATE)
        ready.append((folder, normal, test, events))
    labels = lambda n, events: np.any([(np.arange(n) / 100 + 0.02 > a) & (np.arange(n) / 100 < b) for a, b, _ in events], 0)
    areas, counts = [], []
    for _, normal, test, events in ready:
        scores, threshold = baseline(normal, test)
        areas.append(area(scores, labels(len(scores), events)))
        counts.append(judge(stretches(scores > threshold), events))
    show("energy and flux", summary(areas, counts))
    for name, model in models:
        for learned in (True, False):
            areas, counts, kinds = [], [], {}
            for folder, _, _, events in ready:
                command = [aeden, "detect", str(folder / "test.wav"), "--csv", str(folder / "scores.csv"), "--json", "-y"]
                command += ["--normal", str(folder / "normal")] if learned else []
                command += ["--model", model] if model else []
                out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                found = [json.loads(line) for line in out.splitlines()]
                found = [(f["start"], f["end"]) for f in found if "start" in f]
                scores = np.loadtxt(folder / "scores.csv", delimiter=",", skiprows=1)[:, 1]
                areas.append(area(scores, labels(len(scores), events)))
                counts.append(judge(found, events))
                for e in events:
                    kinds.setdefault(e[2], []).append(judge(found, [e])[0])
            recalls = {f"recall {k}": np.mean(v) for k, v in sorted(kinds.items())}
            show(name + ("" if learned else ", without --normal"), summary(areas, counts) | recalls)


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] == "table":
        table(sys.argv[2], [Path(run) for run in sys.argv[3:]])
        sys.exit()
    if len(sys.argv) < 5 or sys.argv[1] not in ("find", "detect"):
        sys.exit(__doc__)
    job, aeden, cache, work, *named = sys.argv[1:]
    # NAME alone is the built-in model.
    models = [tuple(n.split("=", 1)) if "=" in n else (n, "") for n in named]
    {"find": find, "detect": detect}[job](aeden, cache, Path(work), models)
