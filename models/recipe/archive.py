"""Appends a training run to the record of all runs.

    python archive.py RUN_DIR NAME

`../experiments/runs.jsonl` gets a line (name, every setting with the seed, every line of the validation's scores, the last of
which is the final one), `../experiments/curves.csv` a row for each row of the run's `curve.csv`. Weights are not copied. A name
that is there already is refused.
"""
import csv
import json
import sys
from pathlib import Path

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
KEYS = ["run", "curve"]  # name of the run, name of the file that the row comes from


def record(run_dir, name):
    """The run's line, and the rows of its curves; a run without curve or scores has none."""
    lines = lambda file: file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    scores = [json.loads(line) for line in lines(run_dir / "scores.jsonl")]
    config = json.loads((run_dir / "config.json").read_text(encoding="utf-8"))
    rows = []
    for file in sorted(run_dir.glob("curve*.csv")):
        for row in csv.DictReader(lines(file)):
            if None in row or None in row.values():
                sys.exit(f"{file}: a row with more or fewer columns than its heading: {list(row.values())}")
            rows.append({"run": name, "curve": file.stem, **row})
    return {"run": name, "config": config, "scores": scores}, rows


def append(run_dir, name, folder=EXPERIMENTS):
    run, rows = record(run_dir, name)
    table, curves = folder / "runs.jsonl", folder / "curves.csv"
    before = table.read_text(encoding="utf-8") if table.exists() else ""
    if name in (json.loads(line)["run"] for line in before.splitlines()):
        sys.exit(f"{table}: {name} is there already")
    columns, old = KEYS, []
    if curves.exists():
        with open(curves, newline="", encoding="utf-8") as f:
            reader = csv.DictReader(f)
            columns, old = list(reader.fieldnames), list(reader)
    # A term that no run had before becomes another column; the other runs' rows have nothing there.
    columns += [key for key in dict.fromkeys(key for row in rows for key in row) if key not in columns]
    part = curves.with_suffix(".part")
    with open(part, "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(old + rows)
    part.replace(curves)
    with open(table, "a", encoding="utf-8") as f:
        f.write(json.dumps(run) + "\n")
    return run, rows


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    run_dir, name = Path(sys.argv[1]), sys.argv[2]
    run, rows = append(run_dir, name)
    print(f"{name}: {len(run['scores'])} scores, {len(rows)} rows of curves")
    kept = {"config.json", "scores.jsonl", *(f"{row['curve']}.csv" for row in rows)}
    left = sorted(f.name for f in run_dir.iterdir() if f.name not in kept)
    if left:
        print("left in the run's folder: " + ", ".join(left))


if __name__ == "__main__":
    main()
