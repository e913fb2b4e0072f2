"""editor_in_dawdreamer.py BUNDLE PICTURE.png

Opens the plugin's editor in DawDreamer on the display of $DISPLAY, and takes a picture of the screen.
"""
import os
import subprocess
import sys
import threading
import time

import dawdreamer

bundle, picture = sys.argv[1:]
engine = dawdreamer.RenderEngine(48000, 512)
plugin = engine.make_plugin_processor("plugin", bundle)


def colours():
    """Takes the picture; how many colours are in it."""
    subprocess.run(["import", "-window", "root", picture], check=True)
    text = subprocess.run(["identify", "-format", "%k", picture], check=True, capture_output=True, text=True)
    return int(text.stdout)


def watch():
    # An empty screen has one colour, an empty window a few; text that is drawn has hundreds.
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(1)
        if (found := colours()) > 100:
            time.sleep(1)
            colours()
            print(found, flush=True)
            os._exit(0)  # open_editor returns only when a user closes the window
    print("no editor was drawn", file=sys.stderr)
    os._exit(1)


threading.Thread(target=watch, daemon=True).start()
plugin.open_editor()
