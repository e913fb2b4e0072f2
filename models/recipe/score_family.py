"""How well the family does its jobs, beside baselines: through the program `aeden`, or many runs in one table.

    python score_family.py find AEDEN CACHE WORK_DIR NAME=MODEL.safetensors ...
    python score_family.py detect AEDEN CACHE WORK_DIR NAME=MODEL.safetensors ...
    python score_family.py table CACHE RUN_DIR ...
    python score_family.py elsewhere CACHE NAME=MODEL.safetensors ...

CACHE is what `pack.py` wrote. `find` and `detect` use sounds of sources that no model was trained on
(`family.HELD_OUT`). `table` does so too, and does the same with the sounds of the other sources: on those, settings are
chosen. It computes in PyTorch what `aeden find` and `aeden detect` compute (jobs/src/find/descriptor.rs, detect/score.rs).
`elsewhere` computes what `find` tells, in PyTorch, without the program.

find: for every sound of a category, all other sounds are ranked; right are those of the same category. Precision at 1 and
10, mean average precision; then the same among the sounds of other sources only, where no take of the same recording
helps. The baseline is mean and deviation of 20 mel cepstral coefficients and deviation of their slopes, standardised. Then
every sound is changed as in `elsewhere`, and its original is to be the first that is found among all.

detect: backgrounds of 14 s and more, three times each (once in the table); the first 40 % is what is normal, the rest gets eight events:
clicks, drop-outs, recorded sounds (doors, impacts, dogs ...), and half a second in which the background itself goes wrong
(resonates, or loses its highs). Area under the curve of frames with and without event; F1 of events as DCASE counts
them (Mesaros et al. 2016): begin within 0.2 s, end within 0.2 s or half the length, one detection for one event. The
baseline learns frame energy and spectral flux in the same way: distance from the normal mean in deviations.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.signal
import soundfile as sf
import torch
from safetensors import safe_open

import family as M

RATE = 48_000
# Noise and rooms that no autoencoder of the family is trained with.
PLACES = ("tumult", "usc_ambient")
ROOMS = ("voxengo", "spatialaudio")


def sounds(cache, held_out=True):
    """The packed noises with their samples: of the sources that no model was trained on, or of the others."""
    index = json.loads((Path(cache) / "index.json").read_text())["noise"]
    data = np.memmap(Path(cache) / "noise.i16", np.int16, "r")
    for e in index:
        if (e["source"] in M.HELD_OUT) == held_out and e["category"] != "synthetic noise":
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


def retrieval(ranked, entries):
    """`ranked[i]`: the numbers of all other sounds, most alike first."""
    category = np.array([e["category"] for e in entries])
    source = np.array([e["source"] for e in entries])
    out = {}
    for protocol in ("", " other"):
        first, ten, average = [], [], []
        for i, order in enumerate(ranked):
            order = np.asarray(order)
            order = order[(order != i) & ((source[order] != source[i]) if protocol else True)]
            right = category[order] == category[i]
            if not right.any() or category[i] == "other SFX":
                continue
            first.append(right[0])
            ten.append(right[:10].mean())
            hits = np.nonzero(right)[0]
            average.append((np.arange(1, len(hits) + 1) / (hits + 1)).mean())
        out |= {"p1" + protocol: np.mean(first), "p10" + protocol: np.mean(ten), "mAP" + protocol: np.mean(average)}
    return out


def show(name, values):
    print(json.dumps(dict(name=name, **{k: v if isinstance(v, str) else round(float(v), 4) for k, v in values.items()})), flush=True)


def by_likeness(vectors):
    unit = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
    return np.argsort(-(unit @ unit.T), axis=1)


def standardised(vectors):
    return (vectors - vectors.mean(0)) / (vectors.std(0) + 1e-9)


def table(cache, runs):
    torch.set_num_threads(1)
    parts = {"held out": True, "chosen on": False}
    labelled = {part: [e for e, _ in sounds(cache, held)] for part, held in parts.items()}
    staged = {part: list(scenes(cache, held, 1)) for part, held in parts.items()}
    heard = None
    for part, held in parts.items():
        features = standardised(np.array([mfcc_statistics(x[: 60 * RATE]) for _, x in sounds(cache, held)]))
        show("mfcc; energy and flux", dict(part=part, **retrieval(by_likeness(features), labelled[part]),
                                           **judged(staged[part], lambda i: baseline(*staged[part][i][:2]))))
    for run in runs:
        net, _ = M.load(run / "best.pt")
        if heard is None:
            packed = M.Sounds(cache, net.settings)
            place = {(e["source"], e["offset"]): i for i, e in enumerate(packed.entries)}
            heard = {part: [packed.of(place[e["source"], e["offset"]]) for e in labelled[part]] for part in parts}
            seen = {part: [[M.log_powers(torch.from_numpy(x.astype(np.float32) / 32768), net.settings) for x in scene[:2]]
                           for scene in staged[part]] for part in parts}
        config = json.loads((run / "config.json").read_text())
        scores = json.loads((run / "scores.jsonl").read_text().splitlines()[-1])
        show(run.name, dict(kind=net.settings.kind, code=net.settings.code, parameters=config["parameters"],
                            weight=config["weight"], **scores))
        for part in parts:
            vectors = np.array([M.sound_vector(net, powers).numpy() for powers in heard[part]])
            show(run.name, dict(part=part, **retrieval(by_likeness(vectors), labelled[part]),
                                **judged(staged[part], lambda i: strangeness(net, *seen[part][i]))))


CHANGES = ("noise", "room", "tilt", "cut", "all")


def elsewhere(cache, held_out=True):
    """(change, number of the sound, samples): sounds as they would be heard elsewhere. Noise: a place 10 dB below the sound. Room: a measured response. Tilt: a slope from -3 dB at 100 Hz to +3 dB at
    10 kHz, or the other way. Cut: 1 s of what is longer. All: these one after another."""
    rng = np.random.default_rng(11)
    index = json.loads((Path(cache) / "index.json").read_text())
    packed = {kind: np.memmap(Path(cache) / f"{kind}.i16", np.int16, "r") for kind in ("noise", "rir")}
    of = lambda kind, e: packed[kind][e["offset"] : e["offset"] + e["length"]].astype(np.float32) / 32768
    places = [of("noise", e) for e in index["noise"] if e["source"] in PLACES and e["length"] > 4 * RATE]
    rooms = [of("rir", e) for e in index["rir"] if e["source"] in ROOMS]
    power = lambda v: np.mean(v.astype(np.float64) ** 2) + 1e-12

    def cut(x):
        start = rng.integers(len(x) - RATE + 1) if len(x) > RATE else 0
        return x[start : start + RATE]

    def noise(x):
        y = places[rng.integers(len(places))]
        y = np.resize(np.roll(y, -rng.integers(len(y))), len(x))
        return x + y * np.sqrt(power(x) / power(y) / 10).astype(np.float32)

    def room(x):
        response = rooms[rng.integers(len(rooms))]
        return scipy.signal.fftconvolve(x, response / np.abs(response).max())[: len(x) + RATE // 2].astype(np.float32)

    def tilt(x):
        spectrum = scipy.fft.rfft(x)
        hz = np.arange(len(spectrum)) * RATE / len(x)
        slope = rng.choice([-3, 3]) * np.clip(np.log10(np.maximum(hz, 1) / 1000), -1, 1)
        return scipy.fft.irfft(spectrum * 10 ** (slope / 20), len(x)).astype(np.float32)

    one = dict(noise=noise, room=room, tilt=tilt, cut=cut)
    for number, (_, x) in enumerate(sounds(cache, held_out)):
        x = x[: 60 * RATE].astype(np.float32) / 32768
        for change in CHANGES:
            if change == "cut" and len(x) <= RATE:
                continue
            y = one[change](x) if change != "all" else noise(room(tilt(cut(x))))
            y = y * (0.5 / max(1e-6, np.abs(y).max()))
            yield change, number, (y * 32767).astype(np.int16)


def found_first(vectors, changed):
    """Share of changed sounds whose original is the most alike of all, for each change. `changed`: (change, number, vector)."""
    unit = lambda v: v / (np.linalg.norm(v, axis=-1, keepdims=True) + 1e-9)
    originals, right = unit(vectors), {}
    for change, number, vector in changed:
        right.setdefault(change, []).append((originals @ unit(vector)).argmax() == number)
    return {change: np.mean(right[change]) for change in CHANGES}


def find(aeden, cache, work, models):
    folder, elsewhere_folder = work / "sounds", work / "elsewhere"
    entries, files, features = [], [], []
    for number, (e, x) in enumerate(sounds(cache)):
        file = folder / e["category"].replace("/", "-") / f"{number:04}-{e['source']}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            sf.write(file, x, RATE)
        entries.append(e)
        files.append(str(file.resolve()))
        features.append(mfcc_statistics(x[: 60 * RATE]))
    elsewhere_folder.mkdir(exist_ok=True)
    changed = []
    for change, number, y in elsewhere(cache):
        file = elsewhere_folder / f"{change}-{number:04}.wav"
        sf.write(file, y, RATE)
        changed.append((change, number, str(file.resolve()), mfcc_statistics(y)))
    place = {f: i for i, f in enumerate(files)}
    rng = np.random.default_rng(0)
    show("chance", retrieval([rng.permutation(len(files)) for _ in files], entries))
    features = np.array(features)
    mean, deviation = features.mean(0), features.std(0) + 1e-9
    scaled = [(change, number, (feature - mean) / deviation) for change, number, _, feature in changed]
    features = (features - mean) / deviation
    show("mfcc", retrieval(by_likeness(features), entries) | found_first(features, scaled))
    for name, model in models:
        index = work / f"{name}.redb"
        common = ["--index", str(index), *(["--model", model] if model else [])]
        subprocess.run([aeden, "find", "index", str(folder), "--rebuild", "-q", *common], check=True)

        def query(files, top):
            command = [aeden, "find", "query", *files, "--top", str(top), "--json", *common]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            return [json.loads(line) for line in out.splitlines()]

        ranked = [[] for _ in files]
        for found in query(files, 100_000):
            ranked[place[found["query"]]].append(place[found["file"]])
        first = {found["query"]: place[found["file"]] for found in query([file for _, _, file, _ in changed], 1)}
        right = {c: np.mean([first[file] == number for change, number, file, _ in changed if change == c]) for c in CHANGES}
        show(name, retrieval(ranked, entries) | right)


def exported(path):
    """The network of a file that `export_family.py` wrote."""
    with safe_open(path, "pt") as f:
        settings = json.loads(f.metadata()["aeden"])["settings"]
        settings["band_steps"] = tuple(map(tuple, settings["band_steps"]))
        net = M.Autoencoder(M.Settings(**dict(settings, nodes=tuple(settings["nodes"]))))
        net.load_state_dict({key: f.get_tensor(key).float() for key in f.keys()})
    return net.eval()


def heard_elsewhere(cache, models):
    torch.set_num_threads(1)
    settings = M.Settings()
    heard = lambda x: M.log_powers(torch.from_numpy(np.asarray(x, np.float32) / 32768), settings)
    entries, originals = zip(*[(e, x[: 60 * RATE]) for e, x in sounds(cache)])
    changed = list(elsewhere(cache))

    def tell(name, describe):
        vectors = np.array([describe(x) for x in originals])
        first = found_first(vectors, [(change, number, describe(y)) for change, number, y in changed])
        show(name, retrieval(by_likeness(vectors), entries) | first)

    features = np.array([mfcc_statistics(x) for x in originals])
    mean, deviation = features.mean(0), features.std(0) + 1e-9
    tell("mfcc", lambda x: (mfcc_statistics(x) - mean) / deviation)
    for name, path in models:
        net = exported(path)
        tell(name, lambda x: M.sound_vector(net, heard(x)).numpy())


def scenes(cache, held_out=True, rounds=3):
    """(normal, test, events in seconds): int16 samples with events at known places."""
    rng = np.random.default_rng(7)
    everything = list(sounds(cache, held_out))
    steady = ("rain", "wind", "sea waves", "insects/night", "train/metro", "thunder/storm", "birds", "other SFX", "stream/waterfall/water", "fire")
    long = [x for e, x in everything if len(x) >= 14 * RATE and e["category"] in steady]
    short = [x for e, x in everything if RATE // 10 < len(x) < 2 * RATE and e["category"] in
             ("door/furniture", "impacts glass/metal/wood/stone", "dog", "explosion/gunfire", "human non-speech", "footsteps")]
    for x in long * rounds:
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


def judge(found, events, collar=0.2):
    """How many events are found, how many are missed, how many detections are of none."""
    left, hit = list(found), 0
    for begin, end, *_ in events:
        near = lambda f: abs(f[0] - begin) <= collar and abs(f[1] - end) <= max(collar, (end - begin) / 2)
        if right := next(filter(near, left), None):
            left.remove(right)
            hit += 1
    return hit, len(events) - hit, len(left)


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


# The share of normal moments that lie below the limit, before the margin; as in score.rs.
SHARE, MARGIN = 0.999, 1.5


def baseline(normal, test):
    a, b = energy_and_flux(normal), energy_and_flux(test)
    distance = lambda v: np.abs((v - a.mean(0)) / (a.std(0) + 1e-9)).max(1)
    return distance(b) / (np.quantile(distance(a), SHARE) * MARGIN)


@torch.no_grad()
def moments(net, powers, every=2):
    """[frame][band] squared errors and [frame][unit] codes, means over all patches that a frame lies in."""
    length, x = net.settings.frames, net.standard(powers)
    x = torch.cat([x[:length].flip(0), x, x[-length:].flip(0)])
    starts = torch.tensor([*range(0, len(x) - length, every), len(x) - length])
    patches = x[starts[:, None] + torch.arange(length)].flatten(1)
    h = net.encode(patches)[:, : net.settings.code]
    squared = (net.decode(h) - patches).square().view(len(patches), length, -1)
    errors, codes, count = torch.zeros_like(x), torch.zeros(len(x), h.shape[1]), torch.zeros(len(x), 1)
    for i in range(length):
        errors.index_add_(0, starts + i, squared[:, i])
        codes.index_add_(0, starts + i, h)
        count.index_add_(0, starts + i, torch.ones(len(starts), 1))
    inside = slice(length, len(x) - length)
    return (errors / count)[inside].numpy(), (codes / count)[inside].numpy()


def strangeness(net, normal, test):
    """As score.rs: the larger of how badly a moment is reconstructed, and of how far its code is from normal ones; each
    relative to what normal moments stay below."""
    learned, new = moments(net, normal), moments(net, M.at_level_of(test, normal))
    floored = lambda v, share: np.maximum(np.maximum(v, share * v.mean()), 1e-3)
    usual = floored(learned[0].mean(0), 0.05)
    mean, deviation = learned[1].mean(0), floored(learned[1].std(0), 0.2)
    error = lambda m: np.log1p(m[0] / usual).mean(1)
    distance = lambda m: np.sqrt((((m[1] - mean) / deviation) ** 2).mean(1))
    return np.max([f(new) / (np.quantile(f(learned), SHARE) * MARGIN) for f in (error, distance)], 0)


def frames_with(events, n):
    t = np.arange(n) / 100
    return np.any([(t + 0.02 > a) & (t < b) for a, b, *_ in events], 0)


def judged(staged, score):
    """`score(i)`: of every frame of scene i, 1 is the limit."""
    areas, counts = [], []
    for i, (_, _, events) in enumerate(staged):
        scores = score(i)
        areas.append(area(scores, frames_with(events, len(scores))))
        counts.append(judge(stretches(scores > 1), events))
    return summary(areas, counts)


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
    show("energy and flux", judged([scene[1:] for scene in ready], lambda i: baseline(*ready[i][1:3])))
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
                areas.append(area(scores, frames_with(events, len(scores))))
                counts.append(judge(found, events))
                for e in events:
                    kinds.setdefault(e[2], []).append(judge(found, [e])[0])
            recalls = {f"recall {k}": np.mean(v) for k, v in sorted(kinds.items())}
            show(name + ("" if learned else ", without --normal"), summary(areas, counts) | recalls)


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] == "table":
        table(sys.argv[2], [Path(run) for run in sys.argv[3:]])
        sys.exit()
    if len(sys.argv) > 3 and sys.argv[1] == "elsewhere":
        heard_elsewhere(sys.argv[2], [tuple(named.split("=", 1)) for named in sys.argv[3:]])
        sys.exit()
    if len(sys.argv) < 5 or sys.argv[1] not in ("find", "detect"):
        sys.exit(__doc__)
    job, aeden, cache, work, *named = sys.argv[1:]
    # NAME alone is the built-in model.
    models = [tuple(n.split("=", 1)) if "=" in n else (n, "") for n in named]
    {"find": find, "detect": detect}[job](aeden, cache, Path(work), models)
