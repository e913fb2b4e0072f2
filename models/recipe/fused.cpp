// The layers of model.py for training on a CPU, forward and backward, each in one walk through memory.
// Shapes and formulas are those of `walk_*` and `mixing_*` there; `python model.py` compares the two.
#include <torch/extension.h>
#include <algorithm>
#include <cmath>
#include <vector>

using torch::Tensor;

namespace {

typedef float Lanes __attribute__((vector_size(32), aligned(4)));

// Far enough for f32 to saturate; the fast division would turn infinity into NaN.
inline float exponential(float x) { return std::exp(std::fmin(std::fmax(x, -30.f), 30.f)); }

// c[m][n] += a[m][k] * b[k][n]; n a multiple of 8. Element (i, p) of `a` stands at i * rows + p * columns, so that
// its transpose is the same thing with the two exchanged.
template <int R, int C>
inline void tile(const float* a, int64_t rows, int64_t columns, const float* b, int64_t ldb, float* c, int64_t ldc, int k) {
  Lanes sum[R][C];
  for (int r = 0; r < R; r++)
    for (int q = 0; q < C; q++) sum[r][q] = *(const Lanes*)(c + r * ldc + 8 * q);
  for (int p = 0; p < k; p++) {
    Lanes w[C];
    for (int q = 0; q < C; q++) w[q] = *(const Lanes*)(b + p * ldb + 8 * q);
    for (int r = 0; r < R; r++) {
      const float x = a[r * rows + p * columns];
      for (int q = 0; q < C; q++) sum[r][q] += x * w[q];
    }
  }
  for (int r = 0; r < R; r++)
    for (int q = 0; q < C; q++) *(Lanes*)(c + r * ldc + 8 * q) = sum[r][q];
}

template <int R>
inline void row_of_tiles(const float* a, int64_t rows, int64_t columns, const float* b, int64_t ldb, float* c, int64_t ldc, int n, int k) {
  int j = 0;
  for (; j + 16 <= n; j += 16) tile<R, 2>(a, rows, columns, b + j, ldb, c + j, ldc, k);
  for (; j < n; j += 8) tile<R, 1>(a, rows, columns, b + j, ldb, c + j, ldc, k);
}

void product(const float* a, int64_t rows, int64_t columns, const float* b, int64_t ldb, float* c, int64_t ldc, int m, int n, int k) {
  int i = 0;
  for (; i + 6 <= m; i += 6) row_of_tiles<6>(a + i * rows, rows, columns, b, ldb, c + i * ldc, ldc, n, k);
  for (; i + 2 <= m; i += 2) row_of_tiles<2>(a + i * rows, rows, columns, b, ldb, c + i * ldc, ldc, n, k);
  for (; i < m; i++) row_of_tiles<1>(a + i * rows, rows, columns, b, ldb, c + i * ldc, ldc, n, k);
}

// b[j][i] = a[i][j]
inline void transpose(const float* a, int64_t lda, float* b, int64_t ldb, int m, int n) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) b[j * ldb + i] = a[i * lda + j];
}

constexpr int64_t ROWS = 48;  // sequences that go through time together: their gates stay in the second cache

}  // namespace

// x [T, R, D], weights [3D, D] in the order r, z, n, biases [3D] -> x + states [T, R, D] and what backward needs:
// states [T + 1, R, D], rz [T, R, 2D], n [T, R, D], inner [T, R, D].
std::vector<Tensor> gru_forward(Tensor x, Tensor w_input, Tensor b_input, Tensor w_state, Tensor b_state) {
  const int64_t T = x.size(0), R = x.size(1), D = x.size(2);
  Tensor wi = w_input.t().contiguous(), ws = w_state.t().contiguous();  // [D, 3D]
  Tensor out = torch::empty_like(x), states = torch::empty({T + 1, R, D}), rz = torch::empty({T, R, 2 * D});
  Tensor n = torch::empty({T, R, D}), inner = torch::empty({T, R, D});
  states[0].zero_();
  std::vector<float> bias(4 * D), gates(ROWS * 4 * D);  // r, z, input side of n, state side of n
  const float *bi = b_input.data_ptr<float>(), *bs = b_state.data_ptr<float>();
  for (int64_t k = 0; k < 2 * D; k++) bias[k] = bi[k] + bs[k];
  for (int64_t k = 0; k < D; k++) bias[2 * D + k] = bi[2 * D + k], bias[3 * D + k] = bs[2 * D + k];
  const float *px = x.data_ptr<float>(), *pwi = wi.data_ptr<float>(), *pws = ws.data_ptr<float>();
  float *po = out.data_ptr<float>(), *ps = states.data_ptr<float>(), *prz = rz.data_ptr<float>();
  float *pn = n.data_ptr<float>(), *pin = inner.data_ptr<float>(), *g = gates.data();
  for (int64_t first = 0; first < R; first += ROWS) {
    const int64_t m = std::min(ROWS, R - first);
    for (int64_t t = 0; t < T; t++) {
      const int64_t at = (t * R + first) * D;
      for (int64_t i = 0; i < m; i++) std::copy_n(bias.data(), 4 * D, g + i * 4 * D);
      product(px + at, D, 1, pwi, 3 * D, g, 4 * D, m, 3 * D, D);
      product(ps + at, D, 1, pws, 3 * D, g, 4 * D, m, 2 * D, D);
      product(ps + at, D, 1, pws + 2 * D, 3 * D, g + 3 * D, 4 * D, m, D, D);
      for (int64_t i = 0; i < m; i++) {
        const float *gate = g + i * 4 * D, *old = ps + at + i * D, *in = px + at + i * D;
        float *next = ps + at + (R + i) * D, *r = prz + 2 * (at + i * D), *z = r + D;
        float *nn = pn + at + i * D, *side = pin + at + i * D, *o = po + at + i * D;
#pragma GCC ivdep
        for (int64_t k = 0; k < D; k++) {
          float rr = 1 / (1 + exponential(-gate[k]));
          float zz = 1 / (1 + exponential(-gate[D + k]));
          float v = 1 - 2 / (exponential(2 * (gate[2 * D + k] + rr * gate[3 * D + k])) + 1);
          float h = v + zz * (old[k] - v);
          r[k] = rr, z[k] = zz, nn[k] = v, side[k] = gate[3 * D + k], next[k] = h, o[k] = in[k] + h;
        }
      }
    }
  }
  return {out, states, rz, n, inner};
}

// Gradient of x + states [T, R, D] -> gradients of x, w_input, b_input, w_state, b_state.
std::vector<Tensor> gru_backward(Tensor grad, Tensor x, Tensor w_input, Tensor w_state, Tensor states, Tensor rz, Tensor n, Tensor inner) {
  const int64_t T = x.size(0), R = x.size(1), D = x.size(2);
  Tensor wi = w_input.contiguous(), ws = w_state.contiguous();
  Tensor dx = torch::empty_like(x), dwi = torch::zeros({3 * D, D}), dws = torch::zeros({3 * D, D});
  Tensor dbi = torch::zeros({3 * D}), dbs = torch::zeros({3 * D});
  std::vector<float> gates(ROWS * 4 * D), state(ROWS * D), total(4 * D);
  const float *pg = grad.data_ptr<float>(), *px = x.data_ptr<float>(), *ps = states.data_ptr<float>();
  const float *prz = rz.data_ptr<float>(), *pn = n.data_ptr<float>(), *pin = inner.data_ptr<float>();
  const float *pwi = wi.data_ptr<float>(), *pws = ws.data_ptr<float>();
  float *pdx = dx.data_ptr<float>(), *pdwi = dwi.data_ptr<float>(), *pdws = dws.data_ptr<float>();
  float *g = gates.data(), *d = state.data(), *sum = total.data();
  for (int64_t first = 0; first < R; first += ROWS) {
    const int64_t m = std::min(ROWS, R - first);
    std::fill(state.begin(), state.end(), 0.f);
    for (int64_t t = T - 1; t >= 0; t--) {
      const int64_t at = (t * R + first) * D;
      for (int64_t i = 0; i < m; i++) {
        const int64_t row = at + i * D;
        const float *in = pg + row, *r = prz + 2 * row, *z = r + D, *v = pn + row, *side = pin + row, *old = ps + row;
        float *gate = g + i * 4 * D, *dd = d + i * D, *o = pdx + row;
#pragma GCC ivdep
        for (int64_t k = 0; k < D; k++) {
          float whole = dd[k] + in[k];
          float dn = whole * (1 - z[k]) * (1 - v[k] * v[k]);
          float dr = dn * side[k] * r[k] * (1 - r[k]), dz = whole * (old[k] - v[k]) * z[k] * (1 - z[k]), ds = dn * r[k];
          gate[k] = dr, gate[D + k] = dz, gate[2 * D + k] = dn, gate[3 * D + k] = ds;
          sum[k] += dr, sum[D + k] += dz, sum[2 * D + k] += dn, sum[3 * D + k] += ds;
          dd[k] = whole * z[k], o[k] = in[k];
        }
      }
      product(g, 4 * D, 1, pwi, D, pdx + at, D, m, D, 3 * D);
      product(g, 4 * D, 1, pws, D, d, D, m, D, 2 * D);
      product(g + 3 * D, 4 * D, 1, pws + 2 * D * D, D, d, D, m, D, D);
      product(g, 1, 4 * D, px + at, D, pdwi, D, 3 * D, D, m);
      product(g, 1, 4 * D, ps + at, D, pdws, D, 2 * D, D, m);
      product(g + 3 * D, 1, 4 * D, ps + at, D, pdws + 2 * D * D, D, D, D, m);
    }
  }
  std::copy_n(sum, 3 * D, dbi.data_ptr<float>());
  std::copy_n(sum, 2 * D, dbs.data_ptr<float>());
  std::copy_n(sum + 3 * D, D, dbs.data_ptr<float>() + 2 * D);
  return {dx, dwi, dbi, dws, dbs};
}

// h [N, P, D], w [D, D], b [D], across [H, P, P], bias [P, D] -> h + bias + across relu(w h + b), and that relu.
std::vector<Tensor> mixing_forward(Tensor h, Tensor w, Tensor b, Tensor across, Tensor bias) {
  const int64_t N = h.size(0), P = h.size(1), D = h.size(2), H = across.size(0), K = D / H;
  Tensor wt = w.t().contiguous(), a = across.contiguous(), out = torch::empty_like(h), inner = torch::empty_like(h);
  const float *ph = h.data_ptr<float>(), *pw = wt.data_ptr<float>(), *pb = b.data_ptr<float>(), *pa = a.data_ptr<float>();
  const float* pbias = bias.data_ptr<float>();
  float *po = out.data_ptr<float>(), *pu = inner.data_ptr<float>();
  for (int64_t i = 0; i < N; i++) {
    const float* x = ph + i * P * D;
    float *u = pu + i * P * D, *o = po + i * P * D;
    for (int64_t p = 0; p < P; p++) std::copy_n(pb, D, u + p * D);
    product(x, D, 1, pw, D, u, D, P, D, D);
    for (int64_t k = 0; k < P * D; k++) u[k] = std::max(u[k], 0.f), o[k] = x[k] + pbias[k];
    for (int64_t head = 0; head < H; head++) product(pa + head * P * P, P, 1, u + head * K, D, o + head * K, D, P, K, P);
  }
  return {out, inner};
}

// Gradient of the sum -> gradients of h, w, b, across, bias. P a multiple of 8.
std::vector<Tensor> mixing_backward(Tensor grad, Tensor h, Tensor inner, Tensor w, Tensor across) {
  const int64_t N = h.size(0), P = h.size(1), D = h.size(2), H = across.size(0), K = D / H;
  Tensor wc = w.contiguous(), a = across.contiguous();
  Tensor dh = torch::empty_like(h), dw = torch::zeros({D, D}), db = torch::zeros({D}), da = torch::zeros({H, P, P}), dbias = torch::zeros({P, D});
  std::vector<float> du(P * D), turned(K * P);
  const float *pg = grad.data_ptr<float>(), *ph = h.data_ptr<float>(), *pu = inner.data_ptr<float>();
  const float *pw = wc.data_ptr<float>(), *pa = a.data_ptr<float>();
  float *pdh = dh.data_ptr<float>(), *pdw = dw.data_ptr<float>(), *pdb = db.data_ptr<float>(), *pda = da.data_ptr<float>();
  float* pdbias = dbias.data_ptr<float>();
  for (int64_t i = 0; i < N; i++) {
    const float *g = pg + i * P * D, *u = pu + i * P * D;
    float* o = pdh + i * P * D;
    std::fill(du.begin(), du.end(), 0.f);
    for (int64_t head = 0; head < H; head++) {
      product(pa + head * P * P, 1, P, g + head * K, D, du.data() + head * K, D, P, K, P);
      transpose(u + head * K, D, turned.data(), P, P, K);
      product(g + head * K, D, 1, turned.data(), P, pda + head * P * P, P, P, P, K);
    }
    for (int64_t k = 0; k < P * D; k++) {
      du[k] = u[k] > 0 ? du[k] : 0.f;
      pdbias[k] += g[k], o[k] = g[k];
    }
    for (int64_t p = 0; p < P; p++)
      for (int64_t k = 0; k < D; k++) pdb[k] += du[p * D + k];
    product(du.data(), D, 1, pw, D, o, D, P, D, D);
    product(du.data(), 1, D, ph + i * P * D, D, pdw, D, D, D, P);
  }
  return {dh, dw, db, da, dbias};
}

// log_power [B, T, N], heard [B, T] -> floors [B, T, N].
Tensor noise_floor(Tensor log_power, Tensor heard, double up, double down) {
  const int64_t B = log_power.size(0), T = log_power.size(1), N = log_power.size(2);
  Tensor out = torch::empty_like(log_power), state = torch::zeros({N});
  const float *px = log_power.data_ptr<float>(), *ph = heard.data_ptr<float>();
  float *po = out.data_ptr<float>(), *f = state.data_ptr<float>();
  for (int64_t b = 0; b < B; b++) {
    float count = 0;
    std::fill_n(f, N, 0.f);
    for (int64_t t = 0; t < T; t++) {
      const float h = ph[b * T + t];
      count += h;
      const float start = 1 / std::fmax(count, 1.f), u = std::fmax((float)up, start) * h, d = std::fmax((float)down, start) * h;
      const float* x = px + (b * T + t) * N;
      float* o = po + (b * T + t) * N;
      for (int64_t i = 0; i < N; i++) {
        float e = x[i] - f[i];
        f[i] += (e < 0 ? d : u) * e;
        o[i] = f[i];
      }
    }
  }
  return out;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("gru_forward", &gru_forward);
  m.def("gru_backward", &gru_backward);
  m.def("mixing_forward", &mixing_forward);
  m.def("mixing_backward", &mixing_backward);
  m.def("noise_floor", &noise_floor);
}
