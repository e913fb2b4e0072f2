"""Turn a checkpoint of `train_family.py` into what aeden runs.

    python export_family.py RUN_DIR/best.pt MODEL_DIR NAME

Writes MODEL_DIR/NAME.safetensors (for aeden, `--model`), NAME.onnx (the same network for ONNX Runtime and other programs:
standardised patches in, code and reconstruction out; framing, bands, means and deviations in its metadata) and
NAME.golden.safetensors (what PyTorch makes of a made-up signal, which the tests hold the engines to).
"""
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file

import family as M
from export import Graph, round_as_stored, test_signal, write_weights

LARGEST_DIFFERENCE = 1e-5


def write_golden(net, path):
    x = test_signal(80, net.settings)
    with torch.no_grad():
        powers = M.log_powers(x, net.settings)
        seen = net.standard(powers)
        code = net.encode(M.patches(seen, net.settings.frames, 8))[:, : net.settings.code].contiguous()
        save_file(dict(input=x, seen=seen, code=code, output=net.decode(code), sound=M.sound_vector(net, powers)), path)


def write_onnx(net, path, name):
    s, g = net.settings, Graph()
    size = s.frames * len(net.mean)

    def layers(x, chain):
        for i, layer in enumerate(chain):
            # Half floats, as in the weights that aeden reads; `Graph.linear` has the denoisers' whole numbers.
            weight = g.op("Cast", g.constant(layer.weight.detach().numpy().T, np.float16), to=TensorProto.FLOAT)
            x = g.op("Add", g.op("MatMul", x, weight), layer.bias.detach().numpy())
            if i + 1 < len(chain):
                x = g.op("Relu", x)
        return x

    h = layers("patches", net.encoder)
    h = g.slice(h, 1, 0, s.code) if s.kind == "variational" else h
    end = {"relu": "Relu", "sigmoid": "Sigmoid", "none": "Identity"}[M.code_function(s.kind)]
    g.op(end, h, outputs=["code"])
    g.op("Identity", layers("code", net.decoder), outputs=["reconstruction"])
    value = lambda n, width: helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", width])
    graph = helper.make_graph(g.nodes, name, [value("patches", size)],
                              [value("code", s.code), value("reconstruction", size)], g.weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="aeden")
    about = dict(asdict(s), format=1, name=name, window_shape="vorbis", centres=s.centres(), floor=M.FLOOR,
                 mean=net.mean.tolist(), deviation=net.deviation.tolist(), input="patches", code="code", output="reconstruction")
    helper.set_model_props(proto, dict(aeden=json.dumps(about)))
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def check_onnx(net, path):
    """Largest difference between ONNX Runtime and PyTorch, relative to the largest number."""
    import onnxruntime

    x = torch.randn(50, net.encoder[0].in_features, generator=torch.Generator().manual_seed(3))
    got = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, dict(patches=x.numpy()))
    with torch.no_grad():
        code = net.encode(x)[:, : net.settings.code]
        expected = code.numpy(), net.decode(code).numpy()
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(got, expected))


def main(checkpoint, folder, name):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    net, saved = M.load(checkpoint)
    round_as_stored(net)
    write_weights(net, folder / f"{name}.safetensors", name,
                  dict(licence="MIT OR Apache-2.0", steps=saved.get("steps"), validation=saved.get("scores")))
    write_golden(net, folder / f"{name}.golden.safetensors")
    write_onnx(net, folder / f"{name}.onnx", name)
    off = check_onnx(net, folder / f"{name}.onnx")
    print(f"{name}: {sum(p.numel() for p in net.parameters()):,} parameters; ONNX Runtime differs from PyTorch by {off:.1e}")
    if off > LARGEST_DIFFERENCE:
        sys.exit(f"{name}.onnx: differs by more than {LARGEST_DIFFERENCE:.0e}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
