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
latency = None
state = str(Path(folder) / "state")


def render(prepare):
    global latency
    engine = dawdreamer.RenderEngine(rate, int(block))
    plugin = engine.make_plugin_processor("plugin", bundle)
    prepare(plugin)
    player = engine.make_playback_processor("player", np.ascontiguousarray(sound.T))
    engine.load_graph([(player, []), (plugin, ["player"])])
    engine.render(sound.shape[0] / rate)
    latency = plugin.get_latency_samples()
    return plugin, engine.get_audio()[:, : sound.shape[0]].copy()


def change(plugin):
    for parameter in plugin.get_parameters_description():
        if parameter["name"] == "Mix":
            plugin.set_parameter(parameter["index"], 0.5)
    plugin.save_state(state)


_, plain = render(lambda plugin: None)
sf.write(target, plain.T, rate, subtype="FLOAT")
_, changed = render(change)
_, restored = render(lambda plugin: plugin.load_state(state))
assert not np.array_equal(plain, changed), "the mix changes nothing"
assert np.array_equal(changed, restored), "a restored state sounds otherwise"
print(json.dumps({"latency": latency}))
