"""Train a denoiser on one NVIDIA GPU: what `train.py` does, some two hundred times as fast.

    python train_gpu.py CACHE RUN_DIR --hours 0.3 [--batch 64 --rate 3e-3 --set decoder_layers=2 --mix seconds=4 ...]

Workers on the CPU fill a ring of clips; the GPU draws from it, mixes, and steps in one captured graph, so that nothing
waits for Python. A clip is heard about ten times, each time with another noise, level and filter. The same files come
out as from `train.py`; `best.pt` holds the averaged weights of the last checkpoint. Start the same command again to go on.
A run whose error jumps goes back a minute and on with half the learning rate.
"""
import csv
import json
import math
import mmap
import multiprocessing
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

import model as M
from losses import denoising_loss
from mix import RATE, Clips, Mixer
from train import PARTS, chosen, optimisers, parser, write_config

JUMP = 1.3  # of the spectrum's error over its lowest so far: this run will not come back in time by itself (022)


class Ring:
    """Clips of speech, with and without its floor, and noise that processes renew without end; a mirror of them stands on the GPU.

    Make it before the first use of the GPU: the workers are forks.
    """

    def __init__(self, cache, settings, seed, size, workers):
        self.n, self.size, self.workers = int(settings.seconds * RATE), size, workers
        shared = lambda shape, kind: np.frombuffer(mmap.mmap(-1, int(np.prod(shape)) * np.dtype(kind).itemsize), kind).reshape(shape)
        self.clips, self.top = shared((3, size, self.n), np.float32), shared((size,), np.float32)
        self.version, self.seen = shared((size,), np.int64), np.zeros(size, np.int64)
        context = multiprocessing.get_context("fork")
        for k in range(workers):
            context.Process(target=self.fill, args=(k, Clips(cache, settings, seed * 1000 + k)), daemon=True).start()

    def fill(self, worker, clips):
        torch.set_num_threads(1)
        source = iter(clips)
        while True:
            for slot in range(worker, self.size, self.workers):
                self.clips[:2, slot], self.clips[2, slot], self.top[slot] = next(source)
                self.version[slot] += 1

    def to_gpu(self):
        self.on_gpu = [torch.zeros(self.size, self.n, device="cuda") for _ in range(3)]
        self.top_on_gpu = torch.zeros(self.size, device="cuda")
        self.filled = torch.zeros((), device="cuda")
        pinned = lambda *size, **kind: torch.empty(*size, pin_memory=True, **kind)
        self.stage, self.stage_top, self.stage_at = pinned(3, 64, self.n), pinned(64), pinned(64, dtype=torch.int64)
        self.copied = torch.cuda.Event()

    def refresh(self):
        """Have up to 64 new clips copied to the GPU, behind what it has to do; wait for the copy before. Their number."""
        self.copied.synchronize()
        new = np.flatnonzero(self.version != self.seen)[:64]
        if len(new):
            self.seen[new] = self.version[new]
            self.stage_at[: len(new)], self.stage_top[: len(new)] = torch.from_numpy(new), torch.from_numpy(self.top[new])
            there = lambda v: v.to("cuda", non_blocking=True)
            at = there(self.stage_at[: len(new)])
            for kind in range(3):
                np.take(self.clips[kind], new, 0, self.stage[kind, : len(new)].numpy())
                self.on_gpu[kind].index_copy_(0, at, there(self.stage[kind, : len(new)]))
            self.top_on_gpu.index_copy_(0, at, there(self.stage_top[: len(new)]))
            empty = np.flatnonzero(self.seen == 0)
            self.filled.fill_(float(empty[0] if len(empty) else self.size))
        self.copied.record()
        return len(new)

    def draw(self, batch):
        """Speech and noise, drawn apart, and the highest frequency of the speech."""
        at, other = (torch.minimum(torch.rand(batch, device="cuda") * self.filled, self.filled - 1).long() for _ in range(2))
        return torch.stack([self.on_gpu[0][at], self.on_gpu[1][at]], 1), self.on_gpu[2][other], self.top_on_gpu[at]


class Step:
    """Everything that happens to the weights, once in a graph and replayed from then on."""

    def __init__(self, a, settings, mixing, weights, ring):
        self.a, self.settings, self.weights, self.ring = a, settings, weights, ring
        self.net = M.Denoiser(settings).cuda()
        if a.start:
            M.graft(self.net, M.load(a.start)[0])
        self.average = M.Denoiser(settings).cuda()
        self.average.load_state_dict(self.net.state_dict())
        self.mixer = Mixer(mixing, settings, a.seed, "cuda")
        self.rate, self.share = torch.zeros((), device="cuda"), torch.ones((), device="cuda")
        self.optimisers = optimisers(self.net, self.rate, capturable=True)
        self.params, self.averages = list(self.net.parameters()), list(self.average.parameters())
        self.sums = torch.zeros(len(PARTS), device="cuda")
        self.graph = None
        self.kept = deque(maxlen=2)

    def step(self):
        for p in self.params:
            p.grad = None
        with torch.no_grad():
            speech, noise, top = self.ring.draw(self.a.batch)
            noisy, clean, valid, speech_only = self.mixer.mix(*self.mixer.clips(speech, noise), top)
        loss, parts = denoising_loss(self.net(noisy), clean, noisy, valid, self.settings, self.weights, speech_only)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.params, 1.0, foreach=True)
        with torch.no_grad():
            for p in self.params:
                p.grad.copy_(torch.where(torch.isfinite(norm), p.grad, 0.0))
            for o in self.optimisers:
                o.step()
            difference = torch._foreach_sub(self.params, self.averages)
            torch._foreach_mul_(difference, self.share)
            torch._foreach_add_(self.averages, difference)
            parts = dict(parts, loss=loss.detach())
            self.sums += torch.stack([parts.get(k, self.sums.new_zeros(())) for k in PARTS])

    def capture(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(4):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        self.sums.zero_()
        graph = torch.cuda.CUDAGraph()
        for p in self.params:
            p.grad = None
        with torch.cuda.graph(graph):
            self.step()
        self.graph = graph

    def __call__(self):
        self.graph.replay() if self.graph else self.step()

    def state(self):
        return dict(weights=self.net.state_dict(), average=self.average.state_dict(), optimiser=[o.state_dict() for o in self.optimisers])

    def keep(self):
        """Remember this moment and the one before."""
        self.kept.append([t.clone() for t in self.tensors()])

    def go_back(self):
        """To the older of the two moments, in place, so that the graph goes on with it."""
        for t, kept in zip(self.tensors(), self.kept[0]):
            t.copy_(kept)

    def tensors(self):
        of_optimisers = (v for o in self.optimisers for state in o.state.values() for v in state.values())
        return [v.detach() for v in (*self.params, *self.averages, *of_optimisers)]

    def restore(self, saved):
        self.net.load_state_dict(saved["weights"])
        self.average.load_state_dict(saved["average"])
        for o, state in zip(self.optimisers, saved["optimiser"]):
            o.load_state_dict(state)
            for g in o.param_groups:
                g["lr"] = self.rate


def main():
    a = parser(__doc__, batch=64, rate=3e-3, workers=15, cooldown=0.6, validate_minutes=4).parse_args()
    a.run.mkdir(parents=True, exist_ok=True)
    settings, mixing, weights = chosen(a)
    ring = Ring(a.cache, mixing, a.seed, 8192, a.workers)
    begun = time.time()
    ring.to_gpu()
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.manual_seed(a.seed)
    step = Step(a, settings, mixing, weights, ring)
    steps, spent, last = 0, 0.0, a.run / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location="cuda", weights_only=False)
        step.restore(saved)
        steps, spent = saved["steps"], saved["spent"]
    write_config(a, settings, mixing, weights, step.net, gpu=torch.cuda.get_device_name())
    while float(ring.filled) < 16 * a.workers:
        ring.refresh() or time.sleep(0.05)
    print(f"{int(ring.filled)} clips after {time.time() - begun:.0f} s", flush=True)
    before = steps
    try:
        step.capture()
        steps += 4
    except Exception as e:  # slower, but the same
        print(f"no graph: {e}", file=sys.stderr, flush=True)
        torch.cuda.synchronize()
    print(f"ready after {time.time() - begun:.0f} s", flush=True)

    curve_file = open(a.run / "curve.csv", "a", newline="")
    curve = csv.writer(curve_file)
    if curve_file.tell() == 0:
        curve.writerow(["step", "hours", "audio_hours", "rate", *PARTS])

    def checkpoint():
        torch.save(dict(settings=asdict(settings), steps=steps, spent=spent, best=0.0, **step.state()), last.with_suffix(".tmp"))
        last.with_suffix(".tmp").rename(last)
        M.save(a.run / "best.pt", step.average, steps=steps)

    def validate():
        # On the CPU, in a process of its own, beside the training.
        copy = a.run / f"at-{steps}.pt"
        M.save(copy, step.average, steps=steps)
        return subprocess.Popen([sys.executable, str(Path(__file__).with_name("validate.py")), a.cache, str(copy)],
                                stdout=open(a.run / "scores.jsonl", "a"))

    base, start, since, fresh, next_line, next_score = spent, time.time(), 0, 0, 15.0, a.validate_minutes * 60
    done, lowest, slower = 0.0, math.inf, 1.0
    step.keep()
    while done < 1:
        spent = base + time.time() - start
        done = min(1.0, spent / (a.hours * 3600))
        warm = min(1.0, (steps - before + 1) / 300)
        step.rate.fill_(a.rate * slower * warm * min(1.0, (1 - done) / a.cooldown))
        step.share.fill_(max(0.001, 1 / (1 + steps / 10)))
        for _ in range(10):
            step()
            steps += 1
            since += 1
        fresh += ring.refresh()
        now = time.time() - start
        if now > next_line:
            spectrum = float(step.sums[PARTS.index("spectrum")]) / since
            jumped = not spectrum < JUMP * lowest
            row = [steps, spent / 3600, steps * a.batch * mixing.seconds / 3600, float(step.rate), *(step.sums / since).tolist()]
            curve.writerow([f"{v:.5g}" for v in row])
            curve_file.flush()
            print(" ".join(f"{v:.4g}" for v in row), f"{since} steps, {fresh} new clips", flush=True)
            step.sums.zero_()
            since, fresh, next_line = 0, 0, now + 30
            if jumped:
                slower /= 2
                print(f"the error has jumped: back to the step before the last line, with {slower:.3g} of the rate", flush=True)
                step.go_back()
            else:
                lowest = min(lowest, spectrum)
                step.keep()
                checkpoint()
        if now > next_score:
            validate()
            next_score = now + a.validate_minutes * 60
    checkpoint()
    validate().wait()
    print((a.run / "scores.jsonl").read_text().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
