// The recurrent loops of model.py for CPU training, about six times as fast as loops of PyTorch operations.
// Shapes and formulas are those of `Recurrence` and `noise_floor` there; tests: `python model.py`.
#include <torch/extension.h>
#include <cmath>
#include <vector>

using torch::Tensor;

namespace {

// Far enough for f32 to saturate; the fast division would turn infinity into NaN.
inline float exponential(float x) { return std::exp(std::fmin(std::fmax(x, -30.f), 30.f)); }

// c[m][n] += a[m][k] * b[k][n]; row-major, n a multiple of 8.
void product(const float* a, int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc, int m, int n, int k) {
  typedef float Lanes __attribute__((vector_size(32), aligned(4)));
  constexpr int ROWS = 4, COLUMNS = 2;
  auto tile = [&](int i, int j, auto rows, auto columns) {
    constexpr int R = decltype(rows)::value, C = decltype(columns)::value;
    Lanes sum[R][C];
    for (int r = 0; r < R; r++)
      for (int q = 0; q < C; q++) sum[r][q] = *(const Lanes*)(c + (i + r) * ldc + j + 8 * q);
    for (int p = 0; p < k; p++) {
      Lanes w[C];
      for (int q = 0; q < C; q++) w[q] = *(const Lanes*)(b + p * ldb + j + 8 * q);
      for (int r = 0; r < R; r++) {
        float x = a[(i + r) * lda + p];
        for (int q = 0; q < C; q++) sum[r][q] += x * w[q];
      }
    }
    for (int r = 0; r < R; r++)
      for (int q = 0; q < C; q++) *(Lanes*)(c + (i + r) * ldc + j + 8 * q) = sum[r][q];
  };
  int i = 0;
  for (; i + ROWS <= m; i += ROWS) {
    int j = 0;
    for (; j + 8 * COLUMNS <= n; j += 8 * COLUMNS)
      tile(i, j, std::integral_constant<int, ROWS>(), std::integral_constant<int, COLUMNS>());
    for (; j < n; j += 8) tile(i, j, std::integral_constant<int, ROWS>(), std::integral_constant<int, 1>());
  }
  for (; i < m; i++)
    for (int j = 0; j < n; j += 8) tile(i, j, std::integral_constant<int, 1>(), std::integral_constant<int, 1>());
}

}  // namespace

// gates [T, B, 3H] (r, z, n over all units), h [B, H], weight [G, 3K, K], bias [3H].
// Returns states [T + 1, B, H], rz [T, B, 2H], n [T, B, H], inner [T, B, H].
std::vector<Tensor> forward(Tensor gates, Tensor h, Tensor weight, Tensor bias) {
  const int64_t T = gates.size(0), B = gates.size(1), H = h.size(1), G = weight.size(0), K = H / G;
  Tensor wt = weight.transpose(1, 2).contiguous();  // [G, K, 3K]
  Tensor states = torch::empty({T + 1, B, H}), rz = torch::empty({T, B, 2 * H});
  Tensor n = torch::empty({T, B, H}), inner = torch::empty({T, B, H}), work = torch::empty({B, 3 * H});
  states[0].copy_(h);
  const float *pg = gates.data_ptr<float>(), *pw = wt.data_ptr<float>(), *pb = bias.data_ptr<float>();
  float *ps = states.data_ptr<float>(), *prz = rz.data_ptr<float>(), *pn = n.data_ptr<float>();
  float *pi = inner.data_ptr<float>(), *y = work.data_ptr<float>();
  for (int64_t t = 0; t < T; t++) {
    // The product, [B][g][3K].
    for (int64_t b = 0; b < B; b++)
      for (int64_t g = 0; g < G; g++)
        for (int64_t gate = 0; gate < 3; gate++)
          std::copy_n(pb + gate * H + g * K, K, y + b * 3 * H + (g * 3 + gate) * K);
    for (int64_t g = 0; g < G; g++)
      product(ps + t * B * H + g * K, H, pw + g * K * 3 * K, 3 * K, y + g * 3 * K, 3 * H, B, 3 * K, K);
    for (int64_t b = 0; b < B; b++)
      for (int64_t g = 0; g < G; g++) {
        const float* gate = pg + (t * B + b) * 3 * H + g * K;
        const float* w = y + b * 3 * H + g * 3 * K;
        const float* old = ps + (t * B + b) * H + g * K;
        float *next = ps + ((t + 1) * B + b) * H + g * K, *r = prz + (t * B + b) * 2 * H + g * K, *z = r + H;
        float *nn = pn + (t * B + b) * H + g * K, *in = pi + (t * B + b) * H + g * K;
#pragma GCC ivdep
        for (int64_t k = 0; k < K; k++) {
          float rr = 1 / (1 + exponential(-(gate[k] + w[k])));
          float zz = 1 / (1 + exponential(-(gate[H + k] + w[K + k])));
          float e = exponential(2 * (gate[2 * H + k] + rr * w[2 * K + k]));
          float v = 1 - 2 / (e + 1);
          r[k] = rr, z[k] = zz, nn[k] = v, in[k] = w[2 * K + k];
          next[k] = v + zz * (old[k] - v);
        }
      }
  }
  return {states, rz, n, inner};
}

// Gradient of the states [T, B, H] -> gradients of gates [T, B, 3H], of the product [T, B, 3H], and of h [B, H].
std::vector<Tensor> backward(Tensor grad, Tensor states, Tensor rz, Tensor n, Tensor inner, Tensor weight) {
  const int64_t T = n.size(0), B = n.size(1), H = n.size(2), G = weight.size(0), K = H / G;
  Tensor w = weight.contiguous();  // [G, 3K, K]
  Tensor dgates = torch::empty({T, B, 3 * H}), dproduct = torch::empty({T, B, 3 * H}), dh = torch::zeros({B, H});
  Tensor work = torch::empty({B, 3 * H});
  const float *pg = grad.data_ptr<float>(), *ps = states.data_ptr<float>(), *prz = rz.data_ptr<float>();
  const float *pn = n.data_ptr<float>(), *pi = inner.data_ptr<float>(), *pw = w.data_ptr<float>();
  float *dg = dgates.data_ptr<float>(), *dp = dproduct.data_ptr<float>(), *d = dh.data_ptr<float>(), *y = work.data_ptr<float>();
  for (int64_t t = T - 1; t >= 0; t--) {
    for (int64_t b = 0; b < B; b++)
      for (int64_t g = 0; g < G; g++) {
        const int64_t at = (t * B + b) * H + g * K, at2 = (t * B + b) * 2 * H + g * K, at3 = (t * B + b) * 3 * H + g * K;
        float *dd = d + b * H + g * K, *yy = y + b * 3 * H + g * 3 * K;
#pragma GCC ivdep
        for (int64_t k = 0; k < K; k++) {
          float total = dd[k] + pg[at + k], r = prz[at2 + k], z = prz[at2 + H + k], v = pn[at + k];
          float dn = total * (1 - z) * (1 - v * v);
          float dr = dn * pi[at + k] * r * (1 - r), dz = total * (ps[at + k] - v) * z * (1 - z), di = dn * r;
          dg[at3 + k] = dr, dg[at3 + H + k] = dz, dg[at3 + 2 * H + k] = dn;
          dp[at3 + k] = dr, dp[at3 + H + k] = dz, dp[at3 + 2 * H + k] = di;
          yy[k] = dr, yy[K + k] = dz, yy[2 * K + k] = di;
          dd[k] = total * z;
        }
      }
    for (int64_t g = 0; g < G; g++) product(y + g * 3 * K, 3 * H, pw + g * 3 * K * K, K, d + g * K, H, B, K, 3 * K);
  }
  return {dgates, dproduct, dh};
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
  m.def("forward", &forward);
  m.def("backward", &backward);
  m.def("noise_floor", &noise_floor);
}
