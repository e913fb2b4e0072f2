"""Train a denoiser, or go on training it.

    python train.py CACHE RUN_DIR --hours 2 [--set units=192 --mix fullband_share=0.4 --loss stoi=2 ...]

RUN_DIR gets `config.json`, `curve.csv` (a line a minute), `scores.json` (validation, see `validate.py`), `last.pt`
(to go on from; start the same command again) and `best.pt` (averaged weights with the best validation score).
The learning rate stands until `--cooldown` of `--hours` is left, then falls to nothing, so that a run ends well on any
machine; a longer `--hours` goes on from where it was.
"""
import argparse
import ast
import csv
import json
import math
import os
import sys
import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch
import torch.multiprocessing as mp

import model as M
from losses import LOSS, denoising_loss
from muon import Muon
from mix import Clips, Mixer, MixSettings
from validate import Validation

PARTS = ("loss", "spectrum", "snr", "stoi", "pesq", "mos")  # what a curve shows; of terms without weight, zeros


def overrides(pairs, allowed):
    out = {}
    for pair in pairs:
        key, value = pair.split("=", 1)
        if key not in allowed:
            raise SystemExit(f"no setting '{key}'; there are: {', '.join(allowed)}")
        out[key] = ast.literal_eval(value)
    return out


def parser(description, **defaults):
    """The options that every training of the denoiser takes."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("cache", help="folder that pack.py wrote")
    p.add_argument("run", type=Path, help="folder for this run")
    p.add_argument("--hours", type=float, default=2.0, help="training time, all starts of this run together")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--cooldown", type=float, default=0.25, help="share of the time at whose end the rate has fallen to nothing")
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--validate-minutes", type=float, default=15)
    p.add_argument("--start", type=Path, help="begin with the weights of this checkpoint or .safetensors file")
    p.add_argument("--teacher", type=Path, help="network whose output is wanted where speech is to be cleaned, in place of the clean speech")
    for name in ("set", "mix", "loss"):
        p.add_argument(f"--{name}", nargs="*", default=[], metavar="NAME=VALUE")
    p.set_defaults(**defaults)
    return p


def arguments():
    p = parser(__doc__)
    p.add_argument("--reuse", type=int, default=2, help="how many times a clip is mixed anew")
    p.add_argument("--processes", type=int, default=1, help="processes that train the same weights side by side (CPU)")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return p.parse_args()


def chosen(a):
    """Settings of the network and of the mixing, and weights of the loss, as the arguments say."""
    of = lambda kind, pairs: replace(kind(), **overrides(pairs, [f.name for f in fields(kind)]))
    return of(M.Settings, a.set), of(MixSettings, a.mix), LOSS | overrides(a.loss, LOSS)


def write_config(a, settings, mixing, weights, net, **more):
    """All that defines the run, to its folder."""
    config = dict(model=asdict(settings), mix=asdict(mixing), loss=weights,
                  parameters=sum(p.numel() for p in net.parameters()), **more,
                  **{k: str(v) if isinstance(v, Path) else v for k, v in vars(a).items() if k not in ("mix", "loss", "set", "cache", "run")})
    (a.run / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def optimisers(net, rate, **of_adam):
    """Matrices inside the network go through Muon, everything else through AdamW."""
    matrices = [p for n, p in net.named_parameters() if p.dim() >= 2 and not n.endswith("bias")]
    rest = [p for n, p in net.named_parameters() if p.dim() < 2 or n.endswith("bias")]
    return [Muon(matrices, rate), torch.optim.AdamW(rest, rate, betas=(0.9, 0.98), weight_decay=1e-3, **of_adam)]


def averaged(averages, weights, count):
    """Exponential mean over about 500 steps, over fewer at the start."""
    share = max(0.002, float(1 / (1 + count / 10)) if count < 5000 else 0.002)
    torch._foreach_lerp_(averages, weights, share)


class Trainer:
    """Weights, optimisers and data of one run; several processes may step the same weights in turns.

    Each computes its gradient from whatever the weights are at that moment and takes the lock for the step alone
    (compare Hogwild!, Niu et al. 2011): two processes of one thread train faster than one of two threads.
    """

    def __init__(self, a):
        self.a = a
        self.settings, self.mixing, self.weights = chosen(a)
        self.net = M.Denoiser(self.settings).to(a.device)
        self.teacher = M.load(a.teacher)[0].to(a.device).eval() if a.teacher else None
        self.optimisers = optimisers(self.net, a.rate)
        context = mp.get_context("fork")
        self.lock, self.rate, self.steps = context.Lock(), context.Value("d", 0.0), context.Value("l", 0)

    def share(self):
        """Put weights and optimiser states where forked processes see them; call before any gradient is computed."""
        self.net.share_memory()
        for p in self.net.parameters():
            p.grad = torch.zeros_like(p)
        for o in self.optimisers:  # a step by nothing makes the states
            if not o.state:
                for g in o.param_groups:
                    g["lr"] = 0.0
                o.step()
            for state in o.state.values():
                for v in state.values():
                    v.share_memory_()
        self.net.zero_grad(set_to_none=True)

    def batches(self, seed):
        """(noisy, clean, valid, speech_only) without end."""
        a = self.a
        clips = torch.utils.data.DataLoader(Clips(a.cache, self.mixing, seed), batch_size=a.batch, num_workers=a.workers,
                                            prefetch_factor=4 if a.workers else None,
                                            worker_init_fn=lambda _: torch.set_num_threads(1))
        mixer = Mixer(self.mixing, self.settings, seed)
        for speech, noise, top in clips:
            ready = mixer.clips(speech, noise)
            for _ in range(a.reuse):
                yield tuple(v.to(a.device) for v in mixer.mix(*ready, top))

    def step(self, noisy, clean, valid, speech_only):
        """One step of the optimisers; loss and its parts."""
        self.net.zero_grad(set_to_none=True)
        if self.teacher:
            clean = self.taught(noisy, clean, speech_only)
        loss, parts = denoising_loss(self.net(noisy), clean, noisy, valid, self.settings, self.weights, speech_only)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        if torch.isfinite(norm):
            with self.lock:
                for o in self.optimisers:
                    for g in o.param_groups:
                        g["lr"] = self.rate.value
                    o.step()
                self.steps.value += 1
        return {k: float(v) for k, v in dict(parts, loss=loss.detach()).items()}

    @torch.no_grad()
    def taught(self, noisy, clean, speech_only):
        """What is wanted of each clip: what the teacher makes of it, but of clean clips, of noise alone, and where laughter or
        singing is to be kept, which a teacher may never have learnt, what was mixed."""
        power = lambda v: v.real.square().sum((1, 2)) + v.imag.square().sum((1, 2))
        speech = power(clean)
        of_teacher = speech_only & (speech > 0) & (power(noisy - clean) > 10**-3.4 * speech)
        return torch.where(of_teacher[:, None, None], self.teacher(noisy), clean)

    def help(self, number):
        """What the processes besides the first one do."""
        os.nice(20)  # they take what the machine has to spare
        torch.manual_seed(self.a.seed + 1000 * number)
        for batch in self.batches((self.a.seed + number) * 100_003 + self.steps.value):
            self.step(*batch)


def reuse_memory():
    """Start over with an allocator that keeps freed memory, in huge pages: a sixth less time a step (glibc only)."""
    tunables = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=8000000000"
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"GLIBC_TUNABLES": tunables})


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    a.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(a)
    net, settings = trainer.net, trainer.settings
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=averaged)
    spent, best, first = 0.0, -math.inf, 0
    last = a.run / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location=a.device, weights_only=False)
        net.load_state_dict(saved["weights"])
        average.load_state_dict(saved["average"])
        for o, state in zip(trainer.optimisers, saved["optimiser"]):
            o.load_state_dict(state)
        spent, best, first = saved["spent"], saved["best"], saved["steps"]
        print(f"going on at step {first}, {spent / 3600:.2f} h", flush=True)
    elif a.start:
        M.graft(net, M.load(a.start)[0])
        average.module.load_state_dict(net.state_dict())
    trainer.steps.value = first
    write_config(a, settings, trainer.mixing, trainer.weights, net)

    M.fused()  # compiled once, before there are several processes
    if a.processes > 1:
        trainer.share()
        for number in range(1, a.processes):
            mp.get_context("fork").Process(target=trainer.help, args=(number,), daemon=False).start()
    validation = Validation(a.cache, settings)
    curve_file = open(a.run / "curve.csv", "a", newline="")
    curve = csv.writer(curve_file)
    if curve_file.tell() == 0:
        curve.writerow(["step", "hours", "audio_hours", "rate", *PARTS])
    hours_of = lambda steps: steps * a.batch * trainer.mixing.seconds / 3600

    def checkpoint():
        state = dict(settings=asdict(settings), weights=net.state_dict(), average=average.state_dict(),
                     optimiser=[o.state_dict() for o in trainer.optimisers], steps=trainer.steps.value, spent=spent, best=best)
        torch.save(state, last.with_suffix(".tmp"))
        last.with_suffix(".tmp").rename(last)

    def validate():
        nonlocal best
        average.module.eval()
        scores = validation.score(average.module)
        scores.update(step=trainer.steps.value, hours=round(spent / 3600, 3))
        with open(a.run / "scores.jsonl", "a") as f:
            f.write(json.dumps(scores) + "\n")
        if scores["merit"] > best:
            best = scores["merit"]
            M.save(a.run / "best.pt", average.module, steps=trainer.steps.value, scores=scores)
        print(json.dumps(scores), flush=True)

    begun, base, sums, since, next_line, next_score = time.time(), spent, {}, 0, 60.0, a.validate_minutes * 60
    for batch in trainer.batches(a.seed * 1000 + first):
        spent = base + time.time() - begun
        done = min(1.0, spent / (a.hours * 3600))
        warm = min(1.0, (trainer.steps.value - first + 1) / 100)
        trainer.rate.value = a.rate * warm * min(1.0, (1 - done) / a.cooldown + 0.005)
        for k, v in trainer.step(*batch).items():
            sums[k] = sums.get(k, 0.0) + v
        average.update_parameters(net)
        since += 1
        now = time.time() - begun
        if now > next_line:
            steps = trainer.steps.value
            row = [steps, spent / 3600, hours_of(steps), trainer.rate.value]
            row += [sums.get(k, 0.0) / since for k in PARTS]
            curve.writerow([f"{v:.5g}" for v in row])
            curve_file.flush()
            print(" ".join(f"{v:.4g}" for v in row), flush=True)
            sums, since, next_line = {}, 0, now + 60
            checkpoint()
        if now > next_score or done >= 1:
            validate()
            checkpoint()
            next_score = time.time() - begun + a.validate_minutes * 60
        if done >= 1:
            break
    for child in mp.active_children():
        child.terminate()


if __name__ == "__main__":
    reuse_memory()
    main()
