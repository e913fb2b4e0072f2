"""render_in_pedalboard.py BUNDLE IN.wav OUT.wav BLOCK [PARAMETER=VALUE ...]

Passes a file through the plugin in pedalboard, which takes the latency out, and prints its parameters as JSON.
"""
import json
import sys

import numpy as np
import pedalboard
import soundfile as sf

bundle, source, target, block, *settings = sys.argv[1:]
plugin = pedalboard.load_plugin(bundle)
for setting in settings:
    name, value = setting.split("=")
    getattr(plugin, name)  # pedalboard would take an attribute of any name
    setattr(plugin, name, json.loads(value))
sound, rate = sf.read(source, dtype="float32", always_2d=True)
out = plugin.process(np.ascontiguousarray(sound.T), rate, buffer_size=int(block))
sf.write(target, out.T, rate, subtype="FLOAT")
print(json.dumps({name: float(parameter.raw_value) for name, parameter in plugin.parameters.items()}))
