"""state_in_pedalboard.py BUNDLE

Values of all parameters survive being saved and restored in pedalboard, and what is no state changes none.
"""
import random
import sys

import pedalboard


def values(plugin):
    return {name: parameter.raw_value for name, parameter in plugin.parameters.items()}


bundle = sys.argv[1]
random.seed(1)
first, second = pedalboard.load_plugin(bundle), pedalboard.load_plugin(bundle)
for _ in range(20):
    for parameter in first.parameters.values():
        steps = parameter.num_steps
        parameter.raw_value = float(random.getrandbits(1)) if steps == 2 else random.random()
    saved = first.raw_state
    second.raw_state = saved
    assert values(second) == values(first), (values(first), values(second))
    assert second.raw_state == saved
before = values(second)
for broken in [b"", b"\x00" * 100, saved[: len(saved) // 2], bytes(random.randbytes(5000))]:
    try:
        second.raw_state = broken
    except (RuntimeError, ValueError):
        pass
    assert values(second) == before, broken[:20]
