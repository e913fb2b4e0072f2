"""state_in_pedalboard.py BUNDLE

Values of all parameters survive being saved and restored in pedalboard, and what is no state changes none.
"""
import random
import sys

import numpy as np
import pedalboard


def values(plugin):
    return {name: parameter.raw_value for name, parameter in plugin.parameters.items()}


bundle = sys.argv[1]
random.seed(1)
first, second = pedalboard.load_plugin(bundle), pedalboard.load_plugin(bundle)
for _ in range(20):
    for parameter in first.parameters.values():
        steps = parameter.num_steps
        # As menus and sliders of hosts give them: one of the choices, or a hundredth of the range. So no gain is rounded to -0.0 dB,
        # which is 0.0 in the next state.
        places = min(steps, 101)
        parameter.raw_value = random.randrange(places) / (places - 1)
    # Values reach a running plugin with the next block.
    first.process(np.zeros((2, 512), np.float32), 48000, reset=False)
    saved = first.raw_state
    second.raw_state = saved
    for (name, value), other in zip(values(first).items(), values(second).values()):
        # The plugin saves values in the steps that users see; pedalboard still shows what it asked for.
        assert abs(value - other) < 0.005, (name, value, other)
    assert second.raw_state == saved
before = values(second)
for broken in [b"", b"\x00" * 100, saved[: len(saved) // 2], bytes(random.randbytes(5000))]:
    try:
        second.raw_state = broken
    except (RuntimeError, ValueError):
        pass
    assert values(second) == before, broken[:20]
