"""Train a denoiser, or go on training it.

    python train.py CACHE RUN_DIR --hours 2 [--set units=192 --mix fullband_share=0.4 --loss stoi=2 ...]

RUN_DIR gets `config.json`, `curve.csv` (a line a minute), `scores.json` (validation, see `validate.py`), `last.pt`
(to go on from; start the same command again) and `best.pt` (averaged weights with the best validation score).
The learning rate follows the share of `--hours` that has gone by, so that a run ends well on any machine.
"""
import argparse
import ast
import csv
import json
import math
import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

import model as M
from losses import denoising_loss
from mix import Clips, Mixer, MixSettings
from validate import Validation

LOSS = dict(magnitude=1.0, complex=0.5, snr=0.02, stoi=0.5, lost=1.5)


def overrides(pairs, allowed):
    out = {}
    for pair in pairs:
        key, value = pair.split("=", 1)
        if key not in allowed:
            raise SystemExit(f"no setting '{key}'; there are: {', '.join(allowed)}")
        out[key] = ast.literal_eval(value)
    return out


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("cache", help="folder that pack.py wrote")
    p.add_argument("run", type=Path, help="folder for this run")
    p.add_argument("--hours", type=float, default=2.0, help="training time, all starts of this run together")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--reuse", type=int, default=2, help="how many times a clip is mixed anew")
    p.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--validate-minutes", type=float, default=15)
    p.add_argument("--start", type=Path, help="begin with the weights of this checkpoint or .safetensors file")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name in ("set", "mix", "loss"):
        p.add_argument(f"--{name}", nargs="*", default=[], metavar="NAME=VALUE")
    return p.parse_args()


def averaged(averages, weights, count):
    """Exponential mean over about 500 steps, over fewer at the start."""
    share = max(0.002, float(1 / (1 + count / 10)) if count < 5000 else 0.002)
    torch._foreach_lerp_(averages, weights, share)


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    a.run.mkdir(parents=True, exist_ok=True)
    settings = replace(M.Settings(), **overrides(a.set, [f.name for f in fields(M.Settings)]))
    mixing = replace(MixSettings(), **overrides(a.mix, [f.name for f in fields(MixSettings)]))
    weights = LOSS | overrides(a.loss, LOSS)

    net = M.Denoiser(settings).to(a.device)
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=averaged)
    optimiser = torch.optim.AdamW(net.parameters(), lr=a.rate, betas=(0.9, 0.98), weight_decay=1e-3)
    steps, spent, best, audio = 0, 0.0, -math.inf, 0.0
    last = a.run / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location=a.device, weights_only=False)
        net.load_state_dict(saved["weights"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        steps, spent, best, audio = saved["steps"], saved["spent"], saved["best"], saved["audio"]
        print(f"going on at step {steps}, {spent / 3600:.2f} h", flush=True)
    elif a.start:
        net.load_state_dict(M.load(a.start)[0].state_dict())
        average.module.load_state_dict(net.state_dict())
    config = dict(model=asdict(settings), mix=asdict(mixing), loss=weights, parameters=sum(p.numel() for p in net.parameters()),
                  **{k: str(v) if isinstance(v, Path) else v for k, v in vars(a).items() if k not in ("mix", "loss", "set", "cache", "run")})
    (a.run / "config.json").write_text(json.dumps(config, indent=1) + "\n")

    clips = torch.utils.data.DataLoader(Clips(a.cache, mixing, a.seed * 1000 + steps), batch_size=a.batch,
                                        num_workers=a.workers, prefetch_factor=4 if a.workers else None,
                                        worker_init_fn=lambda _: torch.set_num_threads(1))
    mixer = Mixer(mixing, settings, a.seed + steps)
    validation = Validation(a.cache, settings)
    curve_file = open(a.run / "curve.csv", "a", newline="")
    curve = csv.writer(curve_file)
    if steps == 0:
        curve.writerow(["step", "hours", "audio_hours", "rate", "loss", "magnitude", "complex", "snr", "stoi"])

    def checkpoint():
        state = dict(settings=asdict(settings), weights=net.state_dict(), average=average.state_dict(),
                     optimiser=optimiser.state_dict(), steps=steps, spent=spent, best=best, audio=audio)
        torch.save(state, last.with_suffix(".tmp"))
        last.with_suffix(".tmp").rename(last)

    def validate():
        nonlocal best
        average.module.eval()
        scores = validation.score(average.module)
        scores.update(step=steps, hours=round(spent / 3600, 3))
        with open(a.run / "scores.jsonl", "a") as f:
            f.write(json.dumps(scores) + "\n")
        if scores["merit"] > best:
            best = scores["merit"]
            M.save(a.run / "best.pt", average.module, steps=steps, scores=scores)
        print(json.dumps(scores), flush=True)

    begun, parts_sum, since, next_line, next_score = time.time(), {}, 0, 60.0, a.validate_minutes * 60
    base = spent
    for speech, noise, top in clips:
        ready = mixer.clips(speech, noise)
        for _ in range(a.reuse):
            spent = base + time.time() - begun
            done = min(1.0, spent / (a.hours * 3600))
            rate = a.rate * min(1.0, (steps + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            for g in optimiser.param_groups:
                g["lr"] = rate
            noisy, clean, valid = (v.to(a.device) for v in mixer.mix(*ready, top))
            loss, parts = denoising_loss(net(noisy), clean, noisy, valid, settings, weights)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            if torch.isfinite(norm):
                optimiser.step()
                average.update_parameters(net)
            steps, since, audio = steps + 1, since + 1, audio + a.batch * mixing.seconds
            for k, v in dict(parts, loss=float(loss.detach())).items():
                parts_sum[k] = parts_sum.get(k, 0.0) + v
        now = time.time() - begun
        if now > next_line:
            row = [steps, spent / 3600, audio / 3600, rate] + [parts_sum[k] / since for k in ("loss", "magnitude", "complex", "snr", "stoi")]
            curve.writerow([f"{v:.5g}" for v in row])
            curve_file.flush()
            print(" ".join(f"{v:.4g}" for v in row), flush=True)
            parts_sum, since, next_line = {}, 0, now + 60
            checkpoint()
        if now > next_score or done >= 1:
            validate()
            checkpoint()
            next_score = time.time() - begun + a.validate_minutes * 60
        if done >= 1:
            break


if __name__ == "__main__":
    main()
