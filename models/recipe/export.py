"""Turn a checkpoint into what aeden runs.

    python export.py CHECKPOINT MODEL_DIR NAME

Writes MODEL_DIR/NAME.safetensors (weights as half floats, those that sub-bands share as whole numbers with a scale of each row,
as the native engine runs them), MODEL_DIR/NAME.onnx (the same
network with named states, for ONNX Runtime and other programs; not for networks that run both ways, which have no
states to go on with) and MODEL_DIR/golden.safetensors (what PyTorch makes of a made-up signal, which the tests hold
both engines to).
"""
import copy
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

import model as M


MOST = 63  # of whole weights: seven bits, for which the engine's kernels are made


def round_as_stored(net):
    """Matrices are stored as half floats or whole numbers: let every engine see the same ones."""
    whole_ones = stored_whole(net)
    for name, p in net.named_parameters():
        if name in whole_ones:
            numbers, scale = whole(p.data)
            p.data = numbers.float() * scale[:, None]
        elif is_matrix(name, p):
            p.data = p.data.half().float()


def is_matrix(name, value):
    return value.dim() > 1 and not name.endswith("bias")


def stored_whole(net):
    """Names of the matrices that are stored as whole numbers: those that all positions of a denoiser share."""
    return net.shared_matrices() if isinstance(net, M.Denoiser) else set()


def whole(value):
    """Nearest whole numbers to each row, -63 to 63, and the row's scale."""
    scale = value.abs().amax(1) / MOST
    return (value / scale.clamp(min=1e-30)[:, None]).round().to(torch.int8), scale


def write_weights(net, path, name, extra):
    tensors, whole_ones = {}, stored_whole(net)
    for key, v in net.state_dict().items():
        if key in whole_ones:
            tensors[key], tensors[key + ".scale"] = whole(v.float())
        else:
            tensors[key] = (v.half() if is_matrix(key, v) else v.float()).contiguous()
    about = dict(format=2, name=name, kind=getattr(net.settings, "kind", "denoising"), settings=asdict(net.settings), **extra)
    save_file(tensors, path, metadata=dict(aeden=json.dumps(about)))


def test_signal(frames, settings):
    """Tones with vibrato under swelling noise, then silence, then a click: everything a state can stumble over."""
    n = (frames + 1) * settings.hop
    g = torch.Generator().manual_seed(5)
    t = torch.arange(n) / settings.rate
    voice = sum(torch.sin(2 * torch.pi * 140 * k * t + 2 * torch.sin(2 * torch.pi * 5 * t)) / k for k in range(1, 20))
    x = 0.05 * voice * (t * 9).sin().clamp(min=0) + 0.02 * (1 + (t * 7).cos()) * torch.randn(n, generator=g)
    x[n // 2 : n // 2 + 4 * settings.window] = 0
    x[n * 3 // 4] = 0.9
    return x


def write_golden(net, path, frames=40):
    """What the network makes of the signal, computed in double precision, so that engines alone can be to blame."""
    x = test_signal(frames, net.settings)
    with torch.no_grad():
        y = copy.deepcopy(net).double()(M.stft(x[None].double(), net.settings))[0]
    save_file(dict(input=x, output=torch.view_as_real(y).float().contiguous()), path)


class Graph:
    """Builds an ONNX graph line by line; every value is a name."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def constant(self, value, dtype=np.float32):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype), name))
        return name

    def op(self, kind, *inputs, outputs=None, **attributes):
        inputs = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.count += 1
        outputs = outputs or [f"v{self.count}"]
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs[0] if len(outputs) == 1 else outputs

    def shape(self, *numbers):
        return self.constant(numbers, np.int64)

    def slice(self, x, axis, start, stop=2**62, out=None):
        return self.op("Slice", x, self.shape(start), self.shape(stop), self.shape(axis), outputs=out)

    def squeeze(self, x, axis):
        return self.op("Squeeze", x, self.shape(axis))

    def unsqueeze(self, x, axis):
        return self.op("Unsqueeze", x, self.shape(axis))

    def matrix(self, value):
        """Weights as half floats, which the runtime widens once when it loads the file."""
        return self.op("Cast", self.constant(value, np.float16), to=TensorProto.FLOAT)

    def whole(self, value):
        """Weights as whole numbers with a scale of each row, which the runtime multiplies once when it loads the file."""
        numbers, scale = whole(value)
        return self.op("Mul", self.op("Cast", self.constant(numbers, np.int8), to=TensorProto.FLOAT), scale[:, None].numpy())

    def linear(self, x, weight, bias):
        return self.op("Add", self.op("MatMul", x, self.op("Transpose", self.whole(weight), perm=[1, 0])), bias.numpy())

    def body(self, name, states, inputs, new_states, outputs, lines):
        """The body of a Scan; `lines(op)` appends nodes, numbers among their inputs become constants."""
        nodes, constants = [], []

        def op(kind, given, out=None):
            names = []
            for v in given:
                if not isinstance(v, str):
                    constants.append(numpy_helper.from_array(np.float32(v), f"{name}_c{len(constants)}"))
                    v = constants[-1].name
                names.append(v)
            nodes.append(helper.make_node(kind, names, [out or f"{name}_v{len(nodes)}"]))
            return nodes[-1].output[0]

        lines(op)
        info = lambda d: [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in d.items()]
        return helper.make_graph(nodes, name, info(states) + info(inputs), info(new_states) + info(outputs), constants)


def gru_reorder(v):
    """Gate order r, z, n of PyTorch -> z, r, n of ONNX, on the first axis."""
    r, z, n = v.chunk(3)
    return torch.cat([z, r, n])


def gru(g, layer, x, number):
    """x [T, P, D] -> [T, P, D]: positions are the batch."""
    w, b, r, c = (gru_reorder(v.detach()) for v in (
        layer.input.weight, layer.input.bias, layer.state.weight, layer.state.bias))
    y, _ = g.op("GRU", x, g.unsqueeze(g.whole(w), 0), g.unsqueeze(g.whole(r), 0), torch.cat([b, c])[None].numpy(), "", f"memory{number}_in",
                outputs=[f"heard{number}", f"memory{number}_out"], hidden_size=r.shape[-1], linear_before_reset=1)
    return g.op("Add", x, g.squeeze(y, 1))


def mixing(g, layer, x):
    """x [T, P, D] -> [T, P, D]"""
    heads, positions, _ = layer.across.shape
    u = g.op("Relu", g.linear(x, layer.channels.weight.detach(), layer.channels.bias.detach()))
    u = g.op("Transpose", g.op("Reshape", u, g.shape(0, 0, heads, -1)), perm=[0, 2, 1, 3])
    u = g.op("Transpose", g.op("MatMul", g.matrix(layer.across.detach().numpy()), u), perm=[0, 2, 1, 3])
    u = g.op("Reshape", u, g.shape(0, 0, -1))
    return g.op("Add", g.op("Add", x, layer.bias.detach().numpy()), u)


def patches(g, layer, x):
    """x [P, T, inputs] -> [P, T, outputs]"""
    product = g.op("MatMul", x, g.matrix(layer.weight.detach().mT.numpy()))
    return g.op("Add", product, layer.bias.detach()[:, None].numpy())


def write_onnx(net, path, name):
    s, g = net.settings, Graph()
    bins, bands = s.window // 2 + 1, net.bands
    history = max(1, s.filter_taps - 1)
    low_bins = max(s.coherent_bins, s.filter_bins)
    part = lambda x, which: g.squeeze(g.slice(x, 3, which, which + 1), 3)
    square = lambda x: g.op("Mul", x, x)
    flip = net.flip[None, None].numpy()

    re, im = part("spectrum", 0), part("spectrum", 1)
    power = g.op("Add", square(re), square(im))

    # The running level: two leaky sums through Scan.
    energy = g.op("ReduceMean", g.slice(power, 2, s.level_first_bin, s.level_last_bin + 1), axes=[2], keepdims=1)
    heard = g.op("Cast", g.op("Greater", energy, np.array(s.silence)), to=TensorProto.FLOAT)
    log = g.op("Mul", heard, g.op("Log", g.op("Add", energy, np.array(s.silence))))
    sums = g.squeeze(g.op("Concat", log, heard, axis=2), 0)
    body = g.body("leaky_sum", dict(state=[2]), dict(term=[2]), dict(next=[2]), dict(each=[2]), lambda op: [
        op("Add", [op("Mul", ["state", 1 - s.level_smoothing]), "term"], "next"), op("Identity", ["next"], "each")])
    _, sums = g.op("Scan", "level_in", sums, outputs=["level_out", "level_sums"], body=body, num_scan_inputs=1)
    level = g.op("Div", g.slice(sums, 1, 0, 1), g.op("Add", g.slice(sums, 1, 1, 2), np.array(1e-20)))
    level = g.unsqueeze(level, 0)
    inverse = g.op("Exp", g.op("Neg", level))

    pooled = g.op("Mul", g.op("MatMul", power, (bands / bands.sum(1, keepdim=True)).t().numpy()), inverse)
    log_power = g.op("Log", g.op("Add", pooled, np.array(1e-6)))
    absolute = g.op("Add", log_power, level)

    # The noise floor of each band: an asymmetric leaky mean.
    n = len(bands)
    body = g.body("noise_floor", dict(floor=[n], count=[1]), dict(now=[n], heard=[1]), dict(floor_next=[n], count_next=[1]),
                  dict(each=[n]), lambda op: [
        op("Add", ["count", "heard"], "count_next"),
        op("Sub", ["now", "floor"], "difference"),
        op("Where", [op("Less", ["difference", 0.0]), s.floor_down, s.floor_up], "speed"),
        op("Div", [1.0, op("Max", ["count_next", 1.0])], "start"),
        op("Mul", [op("Max", ["speed", "start"]), "heard"], "step"),
        op("Add", ["floor", op("Mul", ["step", "difference"])], "floor_next"),
        op("Identity", ["floor_next"], "each")])
    _, _, floor = g.op("Scan", "floor_in", "count_in", g.squeeze(absolute, 0), g.squeeze(heard, 0),
                       outputs=["floor_out", "count_out", "floors"], body=body, num_scan_inputs=2)
    rise = g.op("Mul", g.op("Sub", absolute, g.unsqueeze(floor, 0)), np.array(0.25))
    features = [g.op("Mul", g.op("Add", log_power, np.array(4.0)), np.array(0.25)), rise]

    # Frames before: [1, history + T, low_bins, 2].
    frames = g.op("Concat", "before_in", g.slice("spectrum", 2, 0, low_bins), axis=1)
    g.slice(frames, 1, -history, out=["before_out"])
    delayed = lambda tap: g.slice(frames, 1, history - tap, -tap if tap else 2**62)

    cut = lambda x: g.slice(x, 2, 0, s.coherent_bins)
    now, before = cut(delayed(0)), cut(delayed(1))
    a, b, c, d = part(now, 0), part(now, 1), part(before, 0), part(before, 1)
    mul = lambda x, y: g.op("Mul", x, y)
    size = g.op("Sqrt", mul(g.op("Add", square(a), square(b)), g.op("Add", square(c), square(d))))
    size = g.op("Add", mul(size, inverse), np.array(1e-3))
    turn = mul(flip[..., : s.coherent_bins], g.op("Div", inverse, size))
    features.append(mul(g.op("Add", mul(a, c), mul(b, d)), turn))
    features.append(mul(g.op("Sub", mul(b, c), mul(a, d)), turn))
    features = g.op("Concat", *features, axis=2)

    seen = net.seen.numpy()
    x = g.op("Gather", features, g.constant(seen.flatten(), np.int64), axis=2)
    x = g.op("Transpose", g.op("Reshape", x, g.shape(-1, *seen.shape)), perm=[1, 0, 2])
    h = g.op("Transpose", g.op("Relu", patches(g, net.encode, x)), perm=[1, 0, 2])
    recurrent = 0
    for (_, kind), layer in zip(s.layers(), net.layers()):
        if kind == "GRU":
            h = gru(g, layer, h, recurrent)
            recurrent += 1
        elif kind == "mixing":
            h = mixing(g, layer, h)
        else:
            raise ValueError(f"a {kind} has no state to go on with")
    h = g.op("Transpose", h, perm=[1, 0, 2])
    gains = g.op("Transpose", patches(g, net.gains, h), perm=[1, 0, 2])
    gains = g.op("Reshape", gains, g.shape(1, -1, len(seen) * net.gains.bias.shape[1]))
    gains = g.op("Gather", gains, g.constant(net.pick.numpy(), np.int64), axis=2)
    gains = g.op("Sigmoid", g.op("Add", gains, mul(rise, net.rise.detach().numpy())))
    gains = g.op("MatMul", gains, bands.numpy())
    filters = g.op("Transpose", patches(g, net.filters, g.slice(h, 0, 0, s.low_positions)), perm=[1, 0, 2])
    filters = g.op("Reshape", filters, g.shape(-1, s.low_positions, 2, s.filter_taps, s.filter_bins // s.low_positions))
    filters = g.op("Transpose", filters, perm=[0, 2, 3, 1, 4])
    filters = g.op("Reshape", filters, g.shape(1, -1, 2 * s.filter_taps * s.filter_bins))

    # Output order of the filter head: real parts of all taps, then imaginary ones.
    out_re, out_im = (g.slice(v, 2, 0, s.filter_bins) for v in (re, im))
    for tap in range(s.filter_taps):
        x = g.slice(delayed(tap), 2, 0, s.filter_bins)
        sign = flip[..., : s.filter_bins] ** tap
        x_re, x_im = mul(part(x, 0), sign), mul(part(x, 1), sign)
        at = tap * s.filter_bins
        f_re = g.slice(filters, 2, at, at + s.filter_bins)
        at += s.filter_taps * s.filter_bins
        f_im = g.slice(filters, 2, at, at + s.filter_bins)
        out_re = g.op("Add", out_re, g.op("Sub", mul(f_re, x_re), mul(f_im, x_im)))
        out_im = g.op("Add", out_im, g.op("Add", mul(f_re, x_im), mul(f_im, x_re)))
    clean = []
    for filtered, original in ((out_re, re), (out_im, im)):
        whole = g.op("Concat", filtered, g.slice(original, 2, s.filter_bins), axis=2)
        clean.append(g.unsqueeze(mul(whole, gains), 3))
    g.op("Concat", *clean, axis=3, outputs=["clean"])

    memory = [1, len(seen), s.channels]
    states = {"level": [2], "floor": [n], "count": [1], "before": [1, history, low_bins, 2]} | {f"memory{i}": memory for i in range(recurrent)}
    value = lambda n, shape: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        g.nodes, name, [value("spectrum", [1, "T", bins, 2])] + [value(f"{k}_in", v) for k, v in states.items()],
        [value("clean", [1, "T", bins, 2])] + [value(f"{k}_out", v) for k, v in states.items()], g.weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="aeden")
    about = dict(format=1, name=name, kind="denoising", rate=s.rate, window=s.window, hop=s.hop, grids=s.grids, window_shape="vorbis",
                 input="spectrum", output="clean", states=[[f"{k}_in", f"{k}_out"] for k in states])
    helper.set_model_props(proto, dict(aeden=json.dumps(about)))
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def check_onnx(path, golden, settings):
    """Largest difference between ONNX Runtime, fed in uneven pieces, and PyTorch, relative to the peak."""
    import onnxruntime
    from safetensors.numpy import load_file

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    saved = load_file(golden)
    spectrum = torch.view_as_real(M.stft(torch.tensor(saved["input"])[None], settings)).numpy()
    feed = {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs()[1:]}
    names = [o.name for o in session.get_outputs()]
    out, at = [], 0
    for size in (1, 2, 7, 1, 12, 100):
        got = dict(zip(names, session.run(None, dict(feed, spectrum=spectrum[:, at : at + size]))))
        out.append(got["clean"])
        feed = {k: got[k.replace("_in", "_out")] for k in feed}
        at += size
    return float(np.abs(np.concatenate(out, 1)[0] - saved["output"]).max() / np.abs(saved["output"]).max())


def main(checkpoint, folder, name):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    M.fused = lambda: None  # the reference is plain PyTorch
    net, saved = M.load(checkpoint)
    net.eval()
    round_as_stored(net)
    extra = dict(licence="MIT OR Apache-2.0", steps=saved.get("steps"), validation=saved.get("scores"))
    write_weights(net, folder / f"{name}.safetensors", name, extra)
    write_golden(net, folder / "golden.safetensors")
    print(f"{name}: {sum(p.numel() for p in net.parameters()):,} parameters")
    if net.settings.both_ways:
        return
    write_onnx(net, folder / f"{name}.onnx", name)
    print(f"{name}: ONNX Runtime differs from PyTorch by "
          f"{check_onnx(folder / f'{name}.onnx', folder / 'golden.safetensors', net.settings):.1e} of the peak")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
