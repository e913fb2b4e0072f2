"""The loops of fused.cpp for training on a GPU, in Triton: what PyTorch would walk through frame by frame.

`python fused_gpu.py` compares them with plain PyTorch, also without a GPU (TRITON_INTERPRET=1).
"""
import torch
import triton
import triton.language as tl


@triton.jit
def tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def square_weights(w, which, transposed: tl.constexpr, D: tl.constexpr, BD: tl.constexpr, kind: tl.constexpr):
    """One gate's matrix [D, D] of w [3D, D] in [BD, BD], to be multiplied from the right."""
    k, col = tl.arange(0, BD)[:, None], tl.arange(0, BD)[None]
    at = col * D + k if transposed else k * D + col
    return tl.load(w + which * D * D + at, (k < D) & (col < D), 0.0).to(kind)


@triton.jit
def gru_forward_kernel(gates, w, b, states, kept, T, N, D: tl.constexpr, BD: tl.constexpr, BN: tl.constexpr, kind: tl.constexpr):
    """gates [T, N, ways, 3D] of the input; w [ways, 3D, D], b [ways, 3D] of the state -> states [T, N, ways, D], kept
    [T, N, ways, 4D] (r, z, n, inner). The second way runs from the end to the start. `kind`: of the products."""
    row = tl.program_id(0) * BN + tl.arange(0, BN)
    col = tl.arange(0, BD)
    way, ways = tl.program_id(1), tl.num_programs(1)
    inside = (row[:, None] < N) & (col[None] < D)
    w += way * 3 * D * D
    b += way * 3 * D
    wr = square_weights(w, 0, True, D, BD, kind)
    wz = square_weights(w, 1, True, D, BD, kind)
    wn = square_weights(w, 2, True, D, BD, kind)
    br = tl.load(b + col, col < D, 0.0)[None]
    bz = tl.load(b + D + col, col < D, 0.0)[None]
    bn = tl.load(b + 2 * D + col, col < D, 0.0)[None]
    state = tl.zeros((BN, BD), tl.float32)
    onwards = (1 - 2 * way) * N * ways  # rows from one frame to the next
    at = (row[:, None] * ways + way).to(tl.int64) + (way * (T - 1)).to(tl.int64) * N * ways
    place = at * D + col[None]
    place3 = at * (3 * D) + col[None]
    place4 = at * (4 * D) + col[None]
    ir = tl.load(gates + place3, inside, 0.0)
    iz = tl.load(gates + place3 + D, inside, 0.0)
    i_n = tl.load(gates + place3 + 2 * D, inside, 0.0)
    for t in range(T):
        # What the next frame needs is fetched before this one is computed.
        place3 += tl.minimum(T - 1 - t, 1) * onwards * 3 * D
        next_r = tl.load(gates + place3, inside, 0.0)
        next_z = tl.load(gates + place3 + D, inside, 0.0)
        next_n = tl.load(gates + place3 + 2 * D, inside, 0.0)
        before = state.to(kind)
        inner = tl.dot(before, wn) + bn
        r = tl.sigmoid(ir + tl.dot(before, wr) + br)
        z = tl.sigmoid(iz + tl.dot(before, wz) + bz)
        n = tanh(i_n + r * inner)
        state = tl.where(inside, n + z * (state - n), 0.0)
        tl.store(states + place, state, inside)
        tl.store(kept + place4, r, inside)
        tl.store(kept + place4 + D, z, inside)
        tl.store(kept + place4 + 2 * D, n, inside)
        tl.store(kept + place4 + 3 * D, inner, inside)
        place += onwards * D
        place4 += onwards * 4 * D
        ir, iz, i_n = next_r, next_z, next_n


@triton.jit
def gru_backward_kernel(grad, w, states, kept, d_gates, d_inner, T, N, D: tl.constexpr, BD: tl.constexpr, BN: tl.constexpr,
                        kind: tl.constexpr):
    """grad [T, N, ways, D] of the states -> d_gates [T, N, ways, 3D] of the input's gates, d_inner [T, N, ways, D] of the
    state's part of n."""
    row = tl.program_id(0) * BN + tl.arange(0, BN)
    col = tl.arange(0, BD)
    way, ways = tl.program_id(1), tl.num_programs(1)
    inside = (row[:, None] < N) & (col[None] < D)
    w += way * 3 * D * D
    wr = square_weights(w, 0, False, D, BD, kind)
    wz = square_weights(w, 1, False, D, BD, kind)
    wn = square_weights(w, 2, False, D, BD, kind)
    carried = tl.zeros((BN, BD), tl.float32)
    onwards = (1 - 2 * way) * N * ways
    # 64 bits: large batches go beyond 2^31 numbers.
    at = (row[:, None] * ways + way).to(tl.int64) + ((1 - way) * (T - 1)).to(tl.int64) * N * ways
    place = at * D + col[None]
    place3 = at * (3 * D) + col[None]
    place4 = at * (4 * D) + col[None]
    for i in range(T):
        earlier = tl.minimum(T - 1 - i, 1)  # 0 at the first frame, before which the state is zero
        before = earlier * tl.load(states + place - earlier * onwards * D, inside, 0.0).to(tl.float32)
        r = tl.load(kept + place4, inside, 0.0).to(tl.float32)
        z = tl.load(kept + place4 + D, inside, 0.0).to(tl.float32)
        n = tl.load(kept + place4 + 2 * D, inside, 0.0).to(tl.float32)
        inner = tl.load(kept + place4 + 3 * D, inside, 0.0).to(tl.float32)
        d = carried + tl.load(grad + place, inside, 0.0)
        dz = d * (before - n) * z * (1 - z)
        dn = d * (1 - z) * (1 - n * n)
        dr = dn * inner * r * (1 - r)
        di = dn * r
        tl.store(d_gates + place3, dr, inside)
        tl.store(d_gates + place3 + D, dz, inside)
        tl.store(d_gates + place3 + 2 * D, dn, inside)
        tl.store(d_inner + place, di, inside)
        carried = d * z + tl.dot(dr.to(kind), wr) + tl.dot(dz.to(kind), wz) + tl.dot(di.to(kind), wn)
        place -= onwards * D
        place3 -= onwards * 3 * D
        place4 -= onwards * 4 * D


def summed_products(a, b):
    """a^T b over all leading dimensions, [..., M], [..., N] -> [M, N]: one product for each of the first, then their sum.
    cuBLAS takes ten times as long for one product of half a million rows."""
    return torch.bmm(a.reshape(a.shape[0], -1, a.shape[-1]).mT, b.reshape(b.shape[0], -1, b.shape[-1])).sum(0)


class Linear(torch.autograd.Function):
    """`x @ w^T + b` for x [T, ..., inputs] of very many rows."""

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return torch.nn.functional.linear(x, w, b)

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad @ w, summed_products(grad, x), grad.flatten(0, -2).sum(0)


class Across(torch.autograd.Function):
    """The exchange of `model.Mixing`: u [T, B, P, D], across [heads, P, P] -> [T, B, P, D]."""

    @staticmethod
    def forward(ctx, u, across):
        v = Across.head_by_head(u, len(across))
        ctx.save_for_backward(v, across)
        return Across.back(across @ v, u)

    @staticmethod
    def backward(ctx, grad):
        v, across = ctx.saved_tensors
        g = Across.head_by_head(grad, len(across))
        return Across.back(across.mT @ g, grad), (g @ v.mT).sum(0)

    @staticmethod
    def head_by_head(u, heads):
        return u.unflatten(-1, (heads, -1)).permute(0, 3, 2, 1, 4).flatten(-2)  # [T, heads, P, B * D / heads]

    @staticmethod
    def back(v, like):
        return v.unflatten(-1, (like.shape[1], -1)).permute(0, 3, 2, 1, 4).flatten(-2)


class Recurrence(torch.autograd.Function):
    """GRU states [T, N, ways, D] from the input's gates [T, N, ways, 3D], the state's weights [ways, 3D, D] and biases
    [ways, 3D]; the second way, if there is one, runs from the end to the start."""

    WIDE = 64  # more channels do not fit the registers in 32 bits: half as many then, in the products alone

    @staticmethod
    def forward(ctx, gates, w, b):
        T, N, ways, _ = gates.shape
        D = w.shape[-1]
        gates, w = gates.contiguous(), w.contiguous()
        wide = D > Recurrence.WIDE
        states = gates.new_empty(T, N, ways, D)
        kept = gates.new_empty(T, N, ways, 4 * D, dtype=torch.float16 if wide else torch.float32)
        size = dict(D=D, BD=max(16, triton.next_power_of_2(D)), BN=16, num_warps=8 if wide else 4)
        grid = triton.cdiv(N, 16), ways
        gru_forward_kernel[grid](gates, w, b.contiguous(), states, kept, T, N, kind=tl.float16 if wide else tl.float32, **size)
        ctx.save_for_backward(w, states, kept)
        # Gradients are far smaller than 16-bit floats can be; Triton's interpreter has no other short ones.
        ctx.size = size, grid, tl.float32 if not wide else tl.bfloat16 if gates.is_cuda else tl.float16
        return states

    @staticmethod
    def backward(ctx, grad):
        w, states, kept = ctx.saved_tensors
        size, grid, kind = ctx.size
        T, N, ways, D = states.shape
        d_gates, d_inner = states.new_empty(T, N, ways, 3 * D), torch.empty_like(states)
        gru_backward_kernel[grid](grad.contiguous(), w, states, kept, d_gates, d_inner, T, N, kind=kind, **size)
        d_w = []
        for way in range(ways):
            now, before = (slice(1, None), slice(None, -1))[:: 1 - 2 * way]
            of_state = states[before, :, way]
            d_w.append(torch.cat([summed_products(d_gates[now, :, way, : 2 * D], of_state), summed_products(d_inner[now, :, way], of_state)]))
        d_b = torch.cat([d_gates[..., : 2 * D].sum((0, 1)), d_inner.sum((0, 1))], -1)
        return d_gates, torch.stack(d_w), d_b


@triton.jit
def noise_floor_kernel(log_power, heard, out, T, bands, up, down, BLOCK: tl.constexpr):
    clip = tl.program_id(0)
    band = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = band < bands
    floor = tl.zeros((BLOCK,), tl.float32)
    count = 0.0
    for t in range(T):
        h = tl.load(heard + clip * T + t)
        count += h
        at = (clip * T + t) * bands + band
        difference = tl.load(log_power + at, inside, 0.0) - floor
        speed = tl.where(difference < 0, down, up)
        speed = tl.maximum(speed, 1 / tl.maximum(count, 1.0)) * h
        floor += speed * difference
        tl.store(out + at, floor, inside)


def noise_floor(log_power, heard, up, down):
    """`Denoiser.noise_floor`: log power [B, T, bands], heard [B, T, 1] -> [B, T, bands]."""
    log_power, heard = log_power.contiguous(), heard.contiguous()
    B, T, bands = log_power.shape
    out = torch.empty_like(log_power)
    noise_floor_kernel[(B, triton.cdiv(bands, 32))](log_power, heard, out, T, bands, up, down, BLOCK=32)
    return out


@triton.jit
def errors_kernel(estimate, clean, weights, scale, sums, power, power_clean, grad, T, F, J, split, magnitude, complex, lost, log,
                  floor, BLOCK: tl.constexpr):
    """One frame: see `losses.errors`. `grad` [frames, J, 2] is that of the weighted errors."""
    frame = tl.program_id(0).to(tl.int64)
    clip = frame // T
    j = tl.arange(0, BLOCK)
    inside = j < J
    at = frame * F * 2 + 2 * tl.where(j < split, j, split + 4 * (j - split))
    w = tl.load(weights + clip * J + j, inside, 0.0)
    s = tl.where(w > 0, tl.load(scale + clip), 0.0)
    er = s * tl.load(estimate + at, inside, 0.0)
    ei = s * tl.load(estimate + at + 1, inside, 0.0)
    cr = s * tl.load(clean + at, inside, 0.0)
    ci = s * tl.load(clean + at + 1, inside, 0.0)
    e2, c2 = er * er + ei * ei, cr * cr + ci * ci
    p, q = e2 + 1e-7, c2 + 1e-7
    lp, lq = tl.log(p), tl.log(q)
    m, u, uc = tl.exp(0.15 * lp), tl.exp(-0.35 * lp), tl.exp(-0.35 * lq)
    d = m - tl.exp(0.15 * lq)
    far = tl.where(d < 0, lost, 1.0)
    dr, di = er * u - cr * uc, ei * u - ci * uc
    ratio = tl.log((e2 + floor) / (c2 + floor))
    error = w * (magnitude * far * d * d + complex * (dr * dr + di * di) + log * tl.abs(ratio))
    along = (magnitude * 2 * far * d * 0.3 * m / p - complex * 2 * 0.7 * u / p * (dr * er + di * ei)
             + log * tl.where(ratio < 0, -2.0, 2.0) / (e2 + floor))
    lr, li = er - cr, ei - ci
    tl.store(sums + frame * 3, tl.sum(error))
    tl.store(sums + frame * 3 + 1, tl.sum(lr * lr + li * li))
    tl.store(sums + frame * 3 + 2, tl.sum(c2))
    tl.store(power + frame * split + j, p, j < split)
    tl.store(power_clean + frame * split + j, q, j < split)
    out = grad + (frame * J + j) * 2
    tl.store(out, w * (along * er + complex * 2 * u * dr), inside)
    tl.store(out + 1, w * (along * ei + complex * 2 * u * di), inside)


@triton.jit
def errors_gradient_kernel(of_error, of_square, of_power, estimate, clean, weights, scale, grad, out, T, F, J, split,
                           BLOCK: tl.constexpr):
    frame = tl.program_id(0).to(tl.int64)
    clip = frame // T
    f = tl.arange(0, BLOCK)
    low = f < split
    looked_at = (f < F) & (low | ((f - split) % 4 == 0))
    j = tl.where(low, f, split + (f - split) // 4)
    s = tl.where(tl.load(weights + clip * J + j, looked_at, 0.0) > 0, tl.load(scale + clip), 0.0)
    ge, gs = tl.load(of_error + clip), 2 * s * tl.load(of_square + clip)
    gp = 2 * s * tl.load(of_power + frame * split + f, low, 0.0)
    for k in tl.static_range(2):
        at = (frame * F + f) * 2 + k
        x = tl.load(estimate + at, looked_at, 0.0)
        y = tl.load(clean + at, looked_at, 0.0)
        g = tl.load(grad + (frame * J + j) * 2 + k, looked_at, 0.0)
        tl.store(out + at, s * (ge * g + gp * x + gs * (x - y)), f < F)


class Errors(torch.autograd.Function):
    """`losses.errors` in one walk, with its gradient."""

    @staticmethod
    def forward(ctx, estimate, clean, bins, weights, scale, magnitude, complex, lost, log, floor, low):
        e, c = torch.view_as_real(estimate.contiguous()), torch.view_as_real(clean.contiguous())
        (B, T, F), J = estimate.shape, len(bins)
        weights, scale = weights.contiguous(), scale.contiguous()
        sums, grad = e.new_empty(B, T, 3), e.new_empty(B, T, J, 2)
        power, power_clean = e.new_empty(B, T, low), e.new_empty(B, T, low)
        errors_kernel[(B * T,)](e, c, weights, scale, sums, power, power_clean, grad, T, F, J, low, magnitude, complex, lost, log,
                                floor, BLOCK=triton.next_power_of_2(J))
        ctx.save_for_backward(e, c, weights, scale, grad)
        error, square, square_clean = sums.sum(1).unbind(1)
        error, square, square_clean = error.clone(), square.clone(), square_clean.clone()
        ctx.mark_non_differentiable(square_clean, power_clean)
        return error, square, square_clean, power, power_clean

    @staticmethod
    def backward(ctx, of_error, of_square, _, of_power, __):
        e, c, weights, scale, grad = ctx.saved_tensors
        (B, T, F, _), J, low = e.shape, grad.shape[2], of_power.shape[2]
        out = torch.empty_like(e)
        errors_gradient_kernel[(B * T,)](of_error.contiguous(), of_square.contiguous(), of_power.contiguous(), e, c, weights, scale,
                                         grad, out, T, F, J, low, BLOCK=triton.next_power_of_2(F))
        return torch.view_as_complex(out), *[None] * 10


def check(device):
    """Every loop gives what plain PyTorch gives, and the same gradients."""
    import losses
    import model

    torch.manual_seed(1)
    t = lambda *size: torch.randn(*size, device=device)

    def compare(name, *pairs):
        for a, b in pairs:
            worst = float((a - b).abs().max() / (b.abs().max() + 1e-9))
            print(f"{name}: {worst:.1e}")
            assert worst < 1e-2, name  # products of gates are made in TF32 or 16 bits

    for D, ways in (48, 1), (96, 2):
        gates, w, b, grad = t(9, 37, ways, 3 * D), 0.3 * t(ways, 3 * D, D), t(ways, 3 * D), t(9, 37, ways, D)
        results = []
        for fast in (True, False):
            leaves = [v.clone().requires_grad_() for v in (gates, w, b)]
            if fast:
                out = Recurrence.apply(*leaves)
            else:
                each = []
                for way in range(ways):
                    out, state = [], torch.zeros_like(grad[0, :, way])
                    for g in leaves[0][:, :, way].flip(0) if way else leaves[0][:, :, way]:
                        (r, z, n), (hr, hz, hn) = g.chunk(3, -1), (state @ leaves[1][way].mT + leaves[2][way]).chunk(3, -1)
                        r, z = torch.sigmoid(r + hr), torch.sigmoid(z + hz)
                        state = torch.lerp(torch.tanh(n + r * hn), state, z)
                        out.append(state)
                    each.append(torch.stack(out[::-1] if way else out))
                out = torch.stack(each, 2)
            out.backward(grad)
            results.append([out.detach()] + [v.grad for v in leaves])
        compare(f"gru of {D}, {ways} way(s)", *zip(*results))

    tensors, results = (t(5, 7, 3, 48), t(144, 48), t(144)), []
    for product in (Linear.apply, torch.nn.functional.linear):
        leaves = [v.clone().requires_grad_() for v in tensors]
        out = product(*leaves)
        (out**2).sum().backward()
        results.append([v.grad for v in leaves])
    compare("linear", *zip(*results))

    tensors, results = (t(5, 4, 24, 48), t(3, 24, 24)), []
    for exchange in (Across.apply, lambda u, a: torch.einsum("kpq,...qkc->...pkc", a, u.unflatten(-1, (3, -1))).flatten(-2)):
        leaves = [v.clone().requires_grad_() for v in tensors]
        out = exchange(*leaves)
        (out**2).sum().backward()
        results.append([out.detach()] + [v.grad for v in leaves])
    compare("across", *zip(*results))

    net = model.Denoiser().to(device)
    power, heard = t(3, 20, 122), (t(3, 20, 1) > -1).float()
    slow = net.cpu().noise_floor(power.cpu(), heard.cpu()).to(device)
    compare("noise floor", (noise_floor(power, heard, net.settings.floor_up, net.settings.floor_down), slow))

    clean, estimate = (torch.complex(t(3, 5, 41), t(3, 5, 41)) for _ in range(2))
    bins = torch.cat([torch.arange(12), torch.arange(12, 41, 4)]).to(device)
    weights = torch.rand(3, len(bins), device=device)
    weights[1, 10:] = 0
    results = []
    for compute in (Errors.apply, losses.errors):
        x = estimate.clone().requires_grad_()
        scale = torch.tensor([0.5, 1.0, 2.0], device=device)
        out = compute(x, clean, bins, weights, scale, 0.7, 0.4, 1.5, 0.2, 1e-3, 12)
        (out[0].sum() + (out[1] * scale).sum() + (out[3] * out[4]).sum()).backward()
        results.append([v.detach() for v in out] + [torch.view_as_real(x.grad)])
    compare("errors", *zip(*results))


if __name__ == "__main__":
    check("cuda" if torch.cuda.is_available() else "cpu")
