"""render_in_dawdreamer.py BUNDLE IN.wav OUT.wav BLOCK WORK_FOLDER

Passes a file through the plugin in DawDreamer, which leaves the latency in, then once more through a second instance
with the state of the first, and prints the latency.
"""
import json
import sys
from pathlib import Path

import dawdreamer
import numpy as np
import soundfile as sf

bundle, source, target, block, folder = sys.argv[1:]
sound, rate = sf.read(source, dtype="float32", always_2d=True)
sound = np.repeat(sound, 2, axis=1)[:, :2]  # DawDreamer runs plugins in their default layout
state = str(Path(folder) / "state")


def nothing(plugin):
    pass


def halve_the_mix(plugin):
    for parameter in plugin.get_parameters_description():
        if parameter["name"] == "Mix":
            plugin.set_parameter(parameter["index"], 0.5)


def render(before, after):
    """What a new instance makes of the sound, and its latency."""
    engine = dawdreamer.RenderEngine(rate, int(block))
    plugin = engine.make_plugin_processor("plugin", bundle)
    before(plugin)
    player = engine.make_playback_processor("player", np.ascontiguousarray(sound.T))
    engine.load_graph([(player, []), (plugin, ["player"])])
    engine.render(sound.shape[0] / rate)
    after(plugin)
    return engine.get_audio()[:, : sound.shape[0]].copy(), plugin.get_latency_samples()


plain, latency = render(nothing, nothing)
sf.write(target, plain.T, rate, subtype="FLOAT")
# Saved afterwards: values reach a plugin with the first block.
changed, _ = render(halve_the_mix, lambda plugin: plugin.save_state(state))
restored, _ = render(lambda plugin: plugin.load_state(state), nothing)
assert not np.array_equal(plain, changed), "the mix changes nothing"
# The fade to the new mix is over by then; a restored one needs none.
settled = rate // 5
assert np.array_equal(changed[:, settled:], restored[:, settled:]), "a restored state sounds otherwise"
print(json.dumps({"latency": latency}))
