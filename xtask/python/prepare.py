"""prepare.py IN_FOLDER OUT_FOLDER

Every FLAC or WAV file of a folder as a 32-bit float WAV file at its own rate. Files that are there already are left
alone.
"""
import sys
from pathlib import Path

import soundfile as sf

source, target = map(Path, sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
for path in sorted(p for p in source.iterdir() if p.suffix in (".flac", ".wav")):
    out = target / f"{path.stem}.wav"
    if out.exists():
        continue
    x, rate = sf.read(path, dtype="float64")
    unfinished = out.with_suffix(".part")
    sf.write(unfinished, x, rate, format="WAV", subtype="FLOAT")
    unfinished.rename(out)
