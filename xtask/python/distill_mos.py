"""Ratings of recordings, 1 to 5, by Distill-MOS (Stahl & Gamper 2025), with which nothing here is trained.

    python distill_mos.py FOLDER ...    JSON: folder -> file -> rating of its first channel

Needs torch and distillmos, which models/recipe/requirements.txt has.
"""
import contextlib
import json
import sys
from pathlib import Path

import soundfile as sf
import soxr

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models/recipe"))
from mos import RATE, other_listener

import torch


def rating(file):
    x, rate = sf.read(file, dtype="float32", always_2d=True)
    with torch.no_grad():
        return float(other_listener()(torch.tensor(soxr.resample(x[:, 0], rate, RATE)[None]))[0])


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # it says where its weights lie
        other_listener()
    torch.set_num_threads(1)
    folders = {f: sorted(p for p in Path(f).iterdir() if p.suffix in (".wav", ".flac")) for f in sys.argv[1:]}
    print(json.dumps({folder: {file.name: rating(file) for file in files} for folder, files in folders.items()}))
