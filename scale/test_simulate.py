"""The simulation of a fleet agrees with what can be reckoned."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from simulate import OPTIONS, simulate

DEFAULTS = {name: value for name, (value, _) in OPTIONS.items()} | dict(hours=1e4, workers=50)


class Simulation(unittest.TestCase):
    def test_without_losses_the_time_is_the_work_over_the_workers(self):
        run = simulate(**DEFAULTS | dict(life_hours=0.0, file_ms=0.0, shard_ms=0.0, start_seconds=0.0))
        self.assertEqual(run["workers_lost"], 0)
        self.assertTrue(1.0 <= run["times_the_ideal"] < 1.03, run)
        self.assertAlmostEqual(run["price_per_1000_hours"], DEFAULTS["price"] * 1000 / DEFAULTS["speed"], delta=0.02)

    def test_losses_cost_time_and_never_more_than_a_file_each(self):
        calm, storm = (simulate(**DEFAULTS | dict(life_hours=life)) for life in (0.0, 0.5))
        self.assertGreater(storm["workers_lost"], 50)
        self.assertGreater(storm["took_hours"], calm["took_hours"])
        paid = storm["took_hours"] * DEFAULTS["workers"]
        a_file = DEFAULTS["file_seconds"] / 3600 / DEFAULTS["speed"] + DEFAULTS["file_ms"] / 3.6e6
        there = 1000 * DEFAULTS["there_ms"] / 3.6e6
        self.assertLess(storm["shares_of_paid_time"]["work that was lost"] * paid, storm["workers_lost"] * (a_file + there))

    def test_a_slow_job_limits_many_workers(self):
        run = simulate(**DEFAULTS | dict(shard_ms=60_000.0, life_hours=0.0))
        self.assertGreater(run["job_busy"], 0.9)
        self.assertGreater(run["times_the_ideal"], 2)


if __name__ == "__main__":
    unittest.main()
