"""Average the weights of runs that began from one another, as one more checkpoint.

    python mean.py OUT.pt WEIGHT=CHECKPOINT ... [NAME=VALUE ...]      such as 0.5=a/best.pt 0.5=b/best.pt silence=1e-9

NAME=VALUE changes a setting of the network that has no weights.

Runs that stay near each other can be averaged, and the mean is often better than each ("model soups", Wortsman et al. 2022).
"""
import ast
import sys
from dataclasses import fields, replace

import torch

import model as M


def main(out, *parts):
    total, settings, changes = {}, None, {}
    names = [f.name for f in fields(M.Settings)]
    for part in parts:
        share, file = part.split("=", 1)
        if share in names:
            changes[share] = ast.literal_eval(file)
            continue
        net, _ = M.load(file)
        if settings not in (None, net.settings):
            sys.exit(f"{file} is another network: only one kind can be averaged")
        settings = net.settings
        for name, value in net.state_dict().items():
            total[name] = total.get(name, 0) + float(share) * value
    net.load_state_dict(total)
    net.settings = replace(settings, **changes)
    M.save(out, net)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with torch.no_grad():
        main(*sys.argv[1:])
