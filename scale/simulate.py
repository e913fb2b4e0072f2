"""Simulates scale/clean.py on a fleet of machines that may vanish: how long, how much is lost, what it costs, what limits it.

    python scale/simulate.py --hours 1e6 --workers 1000 --speed 40

Nothing is cleaned: shards of files are handed to workers as the job does it, workers live for a random time (exponential), and
another machine takes the place of one that was lost. A shard whose worker was lost is begun again, but not the files of it that are
done. The defaults are assumptions; give what you measured: --speed is hours of sound per hour and core (`aeden clean` prints it),
--shard-ms what the job itself needs for a shard, and --price that of a core for an hour.
"""

import argparse
import heapq
import json
import random

OPTIONS = dict(
    hours=(1e6, "of sound"),
    file_seconds=(15.0, "of sound in a file"),
    mb_an_hour=(115.2, "of sound: 16 kHz, 16 bits, one channel"),
    shard_mb=(256.0, "of input that a task takes; a shard has 1000 files at most"),
    workers=(1000, "one core each"),
    speed=(40.0, "hours of sound that a core cleans in an hour"),
    file_ms=(40.0, "that a file costs besides: four requests to the bucket"),
    there_ms=(10.0, "to see that a file is done already"),
    shard_ms=(20.0, "that the job needs for a shard, one after the other"),
    start_seconds=(30.0, "until a new worker has loaded its network"),
    life_hours=(6.0, "that a machine lives; 0: for ever"),
    replace_minutes=(5.0, "until another takes its place"),
    price=(0.02, "of a core for an hour"),
    seed=(1, "of the random lives"),
)


def simulate(hours, file_seconds, mb_an_hour, shard_mb, workers, speed, file_ms, there_ms, shard_ms, start_seconds, life_hours,
             replace_minutes, price, seed):
    """What a run comes to; times in hours."""
    chance = random.Random(seed)
    files = max(1, round(hours * 3600 / file_seconds))
    a_file = file_seconds / 3600 / speed + file_ms / 3.6e6
    in_shard = int(max(1, min(1000, shard_mb / (mb_an_hour * file_seconds / 3600))))
    waiting = [(in_shard, 0)] * (files // in_shard) + ([(files % in_shard, 0)] if files % in_shard else [])  # (files, of them done)
    shards, retried = len(waiting), 0
    live = lambda: chance.expovariate(1 / life_hours) if life_hours else float("inf")
    # Workers by the time at which they are free, each with that at which its machine is lost.
    free = [(start_seconds / 3600, live()) for _ in range(workers)]
    heapq.heapify(free)
    driver = end = paid = lost = 0.0
    losses = 0
    while waiting:
        at, dies = heapq.heappop(free)
        count, done = waiting.pop()
        driver = max(driver, at) + shard_ms / 3.6e6
        checking = done * there_ms / 3.6e6
        takes = checking + (count - done) * a_file
        if driver + takes <= dies:
            end = max(end, driver + takes)
            heapq.heappush(free, (driver + takes, dies))
            continue
        worked = max(0.0, dies - driver - checking)
        more = min(count - done, int(worked / a_file))
        lost += max(0.0, dies - driver) - more * a_file
        losses, retried = losses + 1, retried + 1
        waiting.append((count, done + more))
        back = max(dies, at) + replace_minutes / 60
        heapq.heappush(free, (back + start_seconds / 3600, back + live()))
    paid = workers * end - losses * replace_minutes / 60
    ideal = files * file_seconds / 3600 / speed / workers
    shares = {
        "the network": hours / speed / paid,
        "requests for files": files * file_ms / 3.6e6 / paid,
        "work that was lost": lost / paid,
        "starts": (workers + losses) * start_seconds / 3600 / paid,
    }
    return dict(
        took_hours=end,
        times_the_ideal=end / ideal,
        shards=shards,
        workers_lost=losses,
        shares_of_paid_time=shares | {"waiting": max(0.0, 1 - sum(shares.values()))},
        job_busy=(shards + retried) * shard_ms / 3.6e6 / end,
        price_per_1000_hours=paid * price / hours * 1000,
    )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, (value, text) in OPTIONS.items():
        p.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"{text} [{value:g}]")
    rounded = lambda v: {k: rounded(w) for k, w in v.items()} if isinstance(v, dict) else float(f"{v:.4g}")
    print(json.dumps(rounded(simulate(**vars(p.parse_args()))), indent=1))


if __name__ == "__main__":
    main()
