// The layers of model.py for training on a CPU, forward and backward, each in one walk through memory.
// Shapes and formulas are those of `walk_*` and `mixing_*` there; `python model.py` compares the two.
#include <torch/extension.h>
#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>
#ifdef __AVX512VNNI__
#include <immintrin.h>
#endif

using torch::Tensor;

namespace {

// Vectors of W floats, at any address.
template <int W>
struct Vector {
  typedef float type __attribute__((vector_size(4 * W), aligned(4)));
};
#ifdef __AVX512F__
constexpr int WIDE = 16, TALL = 8;  // lanes of a vector, rows of a tile: 24 of the 32 registers hold sums
#else
constexpr int WIDE = 8, TALL = 4;  // 12 of 16
#endif

// e^x, relative error below 2e-7, for gates that saturate far inside +-30: 2^(n + r) with a polynomial for 2^r, as in
// `src/kernels/lanes.rs`. Written out, the loops around it become vectors.
inline float exponential(float x) {
  x = std::fmin(std::fmax(x, -30.f), 30.f) * 1.44269504f;
  const float n = std::rint(x), r = x - n;
  float p = 1.3300605e-3f;
  p = p * r + 9.669691e-3f;
  p = p * r + 5.5505585e-2f;
  p = p * r + 2.4022283e-1f;
  p = p * r + 6.9314718e-1f;
  p = p * r + 1.f;
  return std::bit_cast<float>(std::bit_cast<int32_t>(p) + ((int32_t)n << 23));
}

// c[m][n] += a[m][k] * b[k][n]; n a multiple of 8. Element (i, p) of `a` stands at i * rows + p * columns, so that
// its transpose is the same thing with the two exchanged. A tile has R rows and C vectors of W columns.
template <int W, int R, int C>
inline void tile(const float* a, int64_t rows, int64_t columns, const float* b, int64_t ldb, float* c, int64_t ldc, int k) {
  using Lanes = typename Vector<W>::type;
  Lanes sum[R][C];
  for (int r = 0; r < R; r++)
    for (int q = 0; q < C; q++) sum[r][q] = *(const Lanes*)(c + r * ldc + W * q);
  for (int p = 0; p < k; p++) {
    Lanes w[C];
    for (int q = 0; q < C; q++) w[q] = *(const Lanes*)(b + p * ldb + W * q);
    for (int r = 0; r < R; r++) {
      const float x = a[r * rows + p * columns];
      for (int q = 0; q < C; q++) sum[r][q] += x * w[q];
    }
  }
  for (int r = 0; r < R; r++)
    for (int q = 0; q < C; q++) *(Lanes*)(c + r * ldc + W * q) = sum[r][q];
}

// All rows of C vectors' width of the product: that part of b stays in the first cache meanwhile.
template <int W, int C>
inline void column_of_tiles(const float* a, int64_t rows, int64_t columns, const float* b, int64_t ldb, float* c, int64_t ldc, int m, int k) {
  int i = 0;
  for (; i + TALL <= m; i += TALL) tile<W, TALL, C>(a + i * rows, rows, columns, b, ldb, c + i * ldc, ldc, k);
  for (; i + 2 <= m; i += 2) tile<W, 2, C>(a + i * rows, rows, columns, b, ldb, c + i * ldc, ldc, k);
  for (; i < m; i++) tile<W, 1, C>(a + i * rows, rows, columns, b, ldb, c + i * ldc, ldc, k);
}

void product(const float* a, int64_t rows, int64_t columns, const float* b, int64_t ldb, float* c, int64_t ldc, int m, int n, int k) {
  constexpr int DEEP = 128;
  for (int p = 0; p < k; p += DEEP) {
    const int deep = std::min(DEEP, k - p);
    const float *x = a + p * columns, *y = b + p * ldb;
    int j = 0;
    for (; j + 3 * WIDE <= n; j += 3 * WIDE) column_of_tiles<WIDE, 3>(x, rows, columns, y + j, ldb, c + j, ldc, m, deep);
    for (; j + 2 * WIDE <= n; j += 2 * WIDE) column_of_tiles<WIDE, 2>(x, rows, columns, y + j, ldb, c + j, ldc, m, deep);
    for (; j + WIDE <= n; j += WIDE) column_of_tiles<WIDE, 1>(x, rows, columns, y + j, ldb, c + j, ldc, m, deep);
    for (; j < n; j += 8) column_of_tiles<8, 1>(x, rows, columns, y + j, ldb, c + j, ldc, m, deep);
  }
}

// b[j][i] = a[i][j]
inline void transpose(const float* a, int64_t lda, float* b, int64_t ldb, int m, int n) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) b[j * ldb + i] = a[i * lda + j];
}

#ifdef __AVX512VNNI__
// Products of whole numbers, four times as fast: weights in 8 bits with a scale for each output, activations in 8 bits with a
// scale for each row. `models/EXPERIMENTS.md` says what that costs: nothing that can be measured.
struct Quantised {
  int64_t K, N;                 // inputs, a multiple of 4, and outputs, a multiple of 16
  std::vector<int8_t> packed;   // [N / 16][K / 4][16][4]
  std::vector<int32_t> start;   // what takes the 128 away again that activations are raised by
  std::vector<float> scale;     // [N]

  // w [N, K]
  explicit Quantised(const Tensor& weights) : K(weights.size(1)), N(weights.size(0)), packed(K * N), start(N), scale(N) {
    const Tensor w = weights.contiguous();
    const float* pw = w.data_ptr<float>();
    for (int64_t n = 0; n < N; n++) {
      const float* row = pw + n * K;
      float most = 1e-12f;
      for (int64_t k = 0; k < K; k++) most = std::max(most, std::fabs(row[k]));
      scale[n] = most / 127;
      int32_t sum = 0;
      for (int64_t k = 0; k < K; k++) {
        const int q = (int)std::lrint(row[k] / scale[n]);
        packed[((n / 16 * (K / 4) + k / 4) * 16 + n % 16) * 4 + k % 4] = q;
        sum += q;
      }
      start[n] = -128 * sum;
    }
  }
};

// Rows [m, K] in 8 bits, raised by 128, with `scale` [m]; a fixed scale where `given` is not 0.
inline void quantise(const float* x, int64_t m, int64_t K, float given, uint8_t* q, float* scale) {
  for (int64_t i = 0; i < m; i++) {
    const float* row = x + i * K;
    float most = given * 127;
    if (given == 0) {
      most = 1e-12f;
      for (int64_t k = 0; k < K; k++) most = std::max(most, std::fabs(row[k]));
    }
    scale[i] = most / 127;
    const __m512 by = _mm512_set1_ps(127 / most);
    for (int64_t k = 0; k < K; k += 16) {
      const __m512i v = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(row + k), by));
      _mm_storeu_si128((__m128i*)(q + i * K + k), _mm512_cvtepi32_epi8(_mm512_add_epi32(v, _mm512_set1_epi32(128))));
    }
  }
}

template <int R, int P>
inline void tile_q8(const uint8_t* a, const float* scale, const Quantised& w, int64_t panel, float* c, int64_t ldc) {
  __m512i sum[R][P];
  for (int p = 0; p < P; p++) sum[0][p] = _mm512_loadu_si512(w.start.data() + (panel + p) * 16);
  for (int r = 1; r < R; r++)
    for (int p = 0; p < P; p++) sum[r][p] = sum[0][p];
  const int64_t groups = w.K / 4;
  const int8_t* b = w.packed.data() + panel * groups * 64;
  for (int64_t g = 0; g < groups; g++) {
    __m512i v[P];
    for (int p = 0; p < P; p++) v[p] = _mm512_loadu_si512(b + (p * groups + g) * 64);
    for (int r = 0; r < R; r++) {
      int32_t four;
      __builtin_memcpy(&four, a + r * w.K + 4 * g, 4);
      const __m512i x = _mm512_set1_epi32(four);
      for (int p = 0; p < P; p++) sum[r][p] = _mm512_dpbusd_epi32(sum[r][p], x, v[p]);
    }
  }
  for (int p = 0; p < P; p++) {
    const __m512 columns = _mm512_loadu_ps(w.scale.data() + (panel + p) * 16);
    for (int r = 0; r < R; r++) {
      float* to = c + r * ldc + p * 16;
      const __m512 by = _mm512_mul_ps(columns, _mm512_set1_ps(scale[r]));
      _mm512_storeu_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][p]), by, _mm512_loadu_ps(to)));
    }
  }
}

// c [m, N] += x [m, K] * w, of the outputs from panel `first` up to `last`.
inline void product_q8(const uint8_t* x, const float* scale, const Quantised& w, int64_t first, int64_t last, float* c, int64_t ldc, int64_t m) {
  for (int64_t panel = first; panel < last;) {
    const int64_t many = last - panel;
    int64_t i = 0;
    auto rows = [&]<int P>() {
      for (; i + 8 <= m; i += 8) tile_q8<8, P>(x + i * w.K, scale + i, w, panel, c + i * ldc + (panel - first) * 16, ldc);
      for (; i < m; i++) tile_q8<1, P>(x + i * w.K, scale + i, w, panel, c + i * ldc + (panel - first) * 16, ldc);
    };
    if (many >= 3) rows.template operator()<3>(), panel += 3;
    else rows.template operator()<1>(), panel += 1;
  }
}
#endif

constexpr int64_t ROWS = 64;  // sequences that go through time together: their gates stay in the second cache

// Rows [first, first + m) of the features, of those that one position sees, side by side.
inline void see(const float* features, int64_t width, const int64_t* seen, int64_t K, int64_t m, float* x) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t k = 0; k < K; k++) x[i * K + k] = features[i * width + seen[k]];
}

}  // namespace

// features [N, F], seen [P, K], weight [P, D, K], bias [P, D] -> relu of every position's linear layer [N, P, D].
Tensor encode_forward(Tensor features, Tensor seen, Tensor weight, Tensor bias) {
  const int64_t N = features.size(0), F = features.size(1), P = weight.size(0), D = weight.size(1), K = weight.size(2);
  Tensor wt = weight.transpose(1, 2).contiguous(), out = torch::empty({N, P, D});
  std::vector<float> x(ROWS * K);
  const float *pf = features.data_ptr<float>(), *pw = wt.data_ptr<float>(), *pb = bias.data_ptr<float>();
  const int64_t* ps = seen.data_ptr<int64_t>();
  float* po = out.data_ptr<float>();
  for (int64_t first = 0; first < N; first += ROWS) {
    const int64_t m = std::min(ROWS, N - first);
    float* block = po + first * P * D;
    for (int64_t i = 0; i < m; i++) std::copy_n(pb, P * D, block + i * P * D);
    for (int64_t p = 0; p < P; p++) {
      see(pf + first * F, F, ps + p * K, K, m, x.data());
      product(x.data(), K, 1, pw + p * K * D, D, block + p * D, P * D, m, D, K);
    }
    for (int64_t k = 0; k < m * P * D; k++) block[k] = std::max(block[k], 0.f);
  }
  return out;
}

// Gradient of the result -> gradients of weight and bias; the features want none.
std::vector<Tensor> encode_backward(Tensor grad, Tensor out, Tensor features, Tensor seen) {
  const int64_t N = out.size(0), P = out.size(1), D = out.size(2), F = features.size(1), K = seen.size(1);
  Tensor dwt = torch::zeros({P, K, D}), db = torch::zeros({P, D});
  std::vector<float> x(ROWS * K), g(ROWS * D);
  const float *pg = grad.data_ptr<float>(), *po = out.data_ptr<float>(), *pf = features.data_ptr<float>();
  const int64_t* ps = seen.data_ptr<int64_t>();
  float *pdw = dwt.data_ptr<float>(), *pdb = db.data_ptr<float>();
  for (int64_t first = 0; first < N; first += ROWS) {
    const int64_t m = std::min(ROWS, N - first);
    for (int64_t p = 0; p < P; p++) {
      for (int64_t i = 0; i < m; i++)
        for (int64_t k = 0; k < D; k++) {
          const int64_t at = ((first + i) * P + p) * D + k;
          g[i * D + k] = po[at] > 0 ? pg[at] : 0.f;
          pdb[p * D + k] += g[i * D + k];
        }
      see(pf + first * F, F, ps + p * K, K, m, x.data());
      product(x.data(), 1, K, g.data(), D, pdw + p * K * D, D, K, D, m);
    }
  }
  return {dwt.transpose(1, 2), db};
}

// h [N, P, D]; the first Q of the P positions through weight [Q, O, D] and bias [Q, O] -> [N, Q, O]. O a multiple of 8.
Tensor decode_forward(Tensor h, Tensor weight, Tensor bias) {
  const int64_t N = h.size(0), P = h.size(1), D = h.size(2), Q = weight.size(0), O = weight.size(1);
  Tensor wt = weight.transpose(1, 2).contiguous(), out = torch::empty({N, Q, O});
  const float *ph = h.data_ptr<float>(), *pw = wt.data_ptr<float>(), *pb = bias.data_ptr<float>();
  float* po = out.data_ptr<float>();
  for (int64_t first = 0; first < N; first += ROWS) {
    const int64_t m = std::min(ROWS, N - first);
    for (int64_t i = 0; i < m; i++) std::copy_n(pb, Q * O, po + (first + i) * Q * O);
    for (int64_t q = 0; q < Q; q++)
      product(ph + (first * P + q) * D, P * D, 1, pw + q * D * O, O, po + (first * Q + q) * O, Q * O, m, O, D);
  }
  return out;
}

// Gradient of the result -> gradients of h, weight, bias.
std::vector<Tensor> decode_backward(Tensor grad, Tensor h, Tensor weight) {
  const int64_t N = h.size(0), P = h.size(1), D = h.size(2), Q = weight.size(0), O = weight.size(1);
  Tensor w = weight.contiguous(), dh = torch::zeros_like(h), dwt = torch::zeros({Q, D, O});
  const float *pg = grad.data_ptr<float>(), *ph = h.data_ptr<float>(), *pw = w.data_ptr<float>();
  float *pdh = dh.data_ptr<float>(), *pdw = dwt.data_ptr<float>();
  for (int64_t first = 0; first < N; first += ROWS) {
    const int64_t m = std::min(ROWS, N - first);
    for (int64_t q = 0; q < Q; q++) {
      const float *g = pg + (first * Q + q) * O, *x = ph + (first * P + q) * D;
      product(g, Q * O, 1, pw + q * O * D, D, pdh + (first * P + q) * D, P * D, m, D, O);
      product(x, 1, P * D, g, Q * O, pdw + q * D * O, O, D, O, m);
    }
  }
  return {dh, dwt.transpose(1, 2), grad.sum(0)};
}

// Spectra [B, T, F, 2] of estimate and clean, bins [J] (numbers into F), weights [B, J] and scale [B]. With both spectra
// scaled, per clip: sum of the weighted errors of compressed magnitudes (negative ones times `lost`) and of compressed
// complex values, times `magnitude` and `complex`; |estimate - clean|^2 and |clean|^2 summed; the powers of the
// estimate and of clean at the first S bins. And the gradient of the first two sums together.
std::vector<Tensor> errors_forward(Tensor estimate, Tensor clean, Tensor bins, Tensor weights, Tensor scale, double magnitude,
                                   double complex, double lost, double log, double floor, int64_t S) {
  const int64_t B = estimate.size(0), T = estimate.size(1), F = estimate.size(2), J = bins.size(0);
  Tensor grad = torch::empty({B, T, J, 2}), sums = torch::zeros({B, 3}), pe = torch::empty({B, T, S}), pc = torch::empty({B, T, S});
  const float *e = estimate.data_ptr<float>(), *c = clean.data_ptr<float>(), *w = weights.data_ptr<float>(), *ps = scale.data_ptr<float>();
  const int64_t* at = bins.data_ptr<int64_t>();
  float *pg = grad.data_ptr<float>(), *psum = sums.data_ptr<float>(), *ppe = pe.data_ptr<float>(), *ppc = pc.data_ptr<float>();
  std::vector<float> row(10 * J);
  float *er = row.data(), *ei = er + J, *cr = ei + J, *ci = cr + J, *gr = ci + J, *gi = gr + J, *qe = gi + J, *qc = qe + J, *le = qc + J, *lc = le + J;
  const float wm = magnitude, wc = complex, wl = lost, wg = log, low = floor;
  for (int64_t b = 0; b < B; b++) {
    const float s = ps[b], *wb = w + b * J;
    double total[3] = {0, 0, 0};
    for (int64_t t = 0; t < T; t++) {
      const float *x = e + (b * T + t) * F * 2, *y = c + (b * T + t) * F * 2;
      for (int64_t j = 0; j < J; j++) {
        const float v = wb[j] > 0 ? s : 0.f;  // what the recording says nothing about is zero in both
        er[j] = v * x[2 * at[j]], ei[j] = v * x[2 * at[j] + 1], cr[j] = v * y[2 * at[j]], ci[j] = v * y[2 * at[j] + 1];
      }
      float a0 = 0, a1 = 0, a2 = 0;
#pragma GCC ivdep
      for (int64_t j = 0; j < J; j++) {
        const float p = er[j] * er[j] + ei[j] * ei[j] + 1e-7f, q = cr[j] * cr[j] + ci[j] * ci[j] + 1e-7f;
        const float lp = std::log(p), lq = std::log(q);
        const float m = std::exp(0.15f * lp), mc = std::exp(0.15f * lq), u = std::exp(-0.35f * lp), uc = std::exp(-0.35f * lq);
        const float d = m - mc, far = d < 0 ? wl : 1.f;
        const float dr = er[j] * u - cr[j] * uc, di = ei[j] * u - ci[j] * uc;
        const float lr = er[j] - cr[j], li = ei[j] - ci[j];
        const float pl = p - 1e-7f + low, ratio = std::log(pl / (q - 1e-7f + low));
        a0 += wb[j] * (wm * far * d * d + wc * (dr * dr + di * di) + wg * std::fabs(ratio));
        a1 += lr * lr + li * li, a2 += q - 1e-7f;
        const float along = wm * 2 * far * d * 0.3f * m / p - wc * 2 * 0.7f * u / p * (dr * er[j] + di * ei[j]) +
                            (ratio < 0 ? -wg : wg) * 2 / pl;
        gr[j] = wb[j] * (along * er[j] + wc * 2 * u * dr), gi[j] = wb[j] * (along * ei[j] + wc * 2 * u * di);
        qe[j] = p, qc[j] = q;
      }
      total[0] += a0, total[1] += a1, total[2] += a2;
      float* g = pg + (b * T + t) * J * 2;
      for (int64_t j = 0; j < J; j++) g[2 * j] = gr[j], g[2 * j + 1] = gi[j];
      std::copy_n(qe, S, ppe + (b * T + t) * S);
      std::copy_n(qc, S, ppc + (b * T + t) * S);
    }
    for (int k = 0; k < 3; k++) psum[b * 3 + k] = total[k];
  }
  return {sums, pe, pc, grad};
}

// Gradients of the weighted errors [B], of |estimate - clean|^2 [B] and of the estimate's powers [B, T, S] -> of estimate.
Tensor errors_backward(Tensor of_errors, Tensor of_square, Tensor of_power, Tensor estimate, Tensor clean, Tensor bins, Tensor weights,
                       Tensor scale, Tensor grad) {
  const int64_t B = estimate.size(0), T = estimate.size(1), F = estimate.size(2), J = bins.size(0), S = of_power.size(2);
  Tensor out = torch::zeros_like(estimate);
  const float *e = estimate.data_ptr<float>(), *c = clean.data_ptr<float>(), *w = weights.data_ptr<float>(), *ps = scale.data_ptr<float>();
  const float *pg = grad.data_ptr<float>(), *ge = of_errors.data_ptr<float>(), *gs = of_square.data_ptr<float>(), *gp = of_power.data_ptr<float>();
  const int64_t* at = bins.data_ptr<int64_t>();
  float* po = out.data_ptr<float>();
  for (int64_t b = 0; b < B; b++)
    for (int64_t t = 0; t < T; t++) {
      const float *x = e + (b * T + t) * F * 2, *y = c + (b * T + t) * F * 2, *g = pg + (b * T + t) * J * 2, *q = gp + (b * T + t) * S;
      float* o = po + (b * T + t) * F * 2;
      for (int64_t j = 0; j < J; j++) {
        const float s = w[b * J + j] > 0 ? ps[b] : 0.f, power = j < S ? 2 * q[j] * s : 0.f, square = 2 * gs[b] * s;
        for (int k = 0; k < 2; k++) {
          const int64_t i = 2 * at[j] + k;
          o[i] = s * (ge[b] * g[2 * j + k] + power * x[i] + square * (x[i] - y[i]));
        }
      }
    }
  return out;
}

namespace {

// Biases of r, z, the input side of n and its state side [4D].
std::vector<float> gru_bias(const Tensor& b_input, const Tensor& b_state, int64_t D) {
  std::vector<float> bias(4 * D);
  const float *bi = b_input.data_ptr<float>(), *bs = b_state.data_ptr<float>();
  for (int64_t k = 0; k < 2 * D; k++) bias[k] = bi[k] + bs[k];
  for (int64_t k = 0; k < D; k++) bias[2 * D + k] = bi[2 * D + k], bias[3 * D + k] = bs[2 * D + k];
  return bias;
}

// Gates [m, 4D] before the nonlinearities, from inputs and states [m, D]; weights [D, 3D].
inline void gru_gates(const float* bias, const float* x, const float* h, const float* wi, const float* ws, float* g, int64_t m, int64_t D) {
  for (int64_t i = 0; i < m; i++) std::copy_n(bias, 4 * D, g + i * 4 * D);
  product(x, D, 1, wi, 3 * D, g, 4 * D, m, 3 * D, D);
  product(h, D, 1, ws, 3 * D, g, 4 * D, m, 2 * D, D);
  product(h, D, 1, ws + 2 * D, 3 * D, g + 3 * D, 4 * D, m, D, D);
}

struct Gates {
  float r, z, n, next;
};

inline Gates gru_step(float r, float z, float n, float inner, float old) {
  r = 1 / (1 + exponential(-r));
  z = 1 / (1 + exponential(-z));
  n = 1 - 2 / (exponential(2 * (n + r * inner)) + 1);
  return {r, z, n, n + z * (old - n)};
}

}  // namespace

// x [T, R, D], weights [3D, D] in the order r, z, n, biases [3D] -> x + states [T, R, D] and what backward needs:
// states [T + 1, R, D], rz [T, R, 2D], n [T, R, D], inner [T, R, D].
std::vector<Tensor> gru_forward(Tensor x, Tensor w_input, Tensor b_input, Tensor w_state, Tensor b_state) {
  const int64_t T = x.size(0), R = x.size(1), D = x.size(2);
  Tensor wi = w_input.t().contiguous(), ws = w_state.t().contiguous();  // [D, 3D]
  Tensor out = torch::empty_like(x), states = torch::empty({T + 1, R, D}), rz = torch::empty({T, R, 2 * D});
  Tensor n = torch::empty({T, R, D}), inner = torch::empty({T, R, D});
  states[0].zero_();
  std::vector<float> gates(ROWS * 4 * D), bias = gru_bias(b_input, b_state, D);
  const float *px = x.data_ptr<float>(), *pwi = wi.data_ptr<float>(), *pws = ws.data_ptr<float>();
  float *po = out.data_ptr<float>(), *ps = states.data_ptr<float>(), *prz = rz.data_ptr<float>();
  float *pn = n.data_ptr<float>(), *pin = inner.data_ptr<float>(), *g = gates.data();
  for (int64_t first = 0; first < R; first += ROWS) {
    const int64_t m = std::min(ROWS, R - first);
    for (int64_t t = 0; t < T; t++) {
      const int64_t at = (t * R + first) * D;
      gru_gates(bias.data(), px + at, ps + at, pwi, pws, g, m, D);
      for (int64_t i = 0; i < m; i++) {
        const float *gate = g + i * 4 * D, *old = ps + at + i * D, *in = px + at + i * D;
        float *next = ps + at + (R + i) * D, *r = prz + 2 * (at + i * D), *z = r + D;
        float *nn = pn + at + i * D, *side = pin + at + i * D, *o = po + at + i * D;
#pragma GCC ivdep
        for (int64_t k = 0; k < D; k++) {
          const Gates v = gru_step(gate[k], gate[D + k], gate[2 * D + k], gate[3 * D + k], old[k]);
          r[k] = v.r, z[k] = v.z, nn[k] = v.n, side[k] = gate[3 * D + k], next[k] = v.next, o[k] = in[k] + v.next;
        }
      }
    }
  }
  return {out, states, rz, n, inner};
}

// Adds the states of a GRU that walks over x [T, R, D], from the end to the start if `backward`, to out [T, R, D]: `gru_forward`
// where no gradient is wanted, in 8 bits where the processor is made for that.
void gru_add(Tensor out, Tensor x, Tensor w_input, Tensor b_input, Tensor w_state, Tensor b_state, bool backward) {
  const int64_t T = x.size(0), R = x.size(1), D = x.size(2);
  std::vector<float> gates(ROWS * 4 * D), state(ROWS * D), bias = gru_bias(b_input, b_state, D);
#ifdef __AVX512VNNI__
  const Quantised wi(w_input), ws(w_state);
  std::vector<uint8_t> bytes(ROWS * D);
  std::vector<float> scale(ROWS);
#else
  const Tensor wit = w_input.t().contiguous(), wst = w_state.t().contiguous();  // [D, 3D]
  const float *wi = wit.data_ptr<float>(), *ws = wst.data_ptr<float>();
#endif
  const float* px = x.data_ptr<float>();
  float *po = out.data_ptr<float>(), *g = gates.data(), *h = state.data();
  for (int64_t first = 0; first < R; first += ROWS) {
    const int64_t m = std::min(ROWS, R - first);
    std::fill(state.begin(), state.end(), 0.f);
    for (int64_t step = 0; step < T; step++) {
      const int64_t at = ((backward ? T - 1 - step : step) * R + first) * D;
#ifdef __AVX512VNNI__
      for (int64_t i = 0; i < m; i++) std::copy_n(bias.data(), 4 * D, g + i * 4 * D);
      quantise(px + at, m, D, 0, bytes.data(), scale.data());
      product_q8(bytes.data(), scale.data(), wi, 0, 3 * D / 16, g, 4 * D, m);
      quantise(h, m, D, 1 / 127.f, bytes.data(), scale.data());
      product_q8(bytes.data(), scale.data(), ws, 0, 2 * D / 16, g, 4 * D, m);
      product_q8(bytes.data(), scale.data(), ws, 2 * D / 16, 3 * D / 16, g + 3 * D, 4 * D, m);
#else
      gru_gates(bias.data(), px + at, h, wi, ws, g, m, D);
#endif
      for (int64_t i = 0; i < m; i++) {
        const float* gate = g + i * 4 * D;
        float *old = h + i * D, *o = po + at + i * D;
#pragma GCC ivdep
        for (int64_t k = 0; k < D; k++) {
          const Gates v = gru_step(gate[k], gate[D + k], gate[2 * D + k], gate[3 * D + k], old[k]);
          old[k] = v.next, o[k] += v.next;
        }
      }
    }
  }
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
  m.def("encode_forward", &encode_forward);
  m.def("encode_backward", &encode_backward);
  m.def("decode_forward", &decode_forward);
  m.def("decode_backward", &decode_backward);
  m.def("errors_forward", &errors_forward);
  m.def("errors_backward", &errors_backward);
  m.def("gru_forward", &gru_forward);
  m.def("gru_add", &gru_add);
  m.def("gru_backward", &gru_backward);
  m.def("mixing_forward", &mixing_forward);
  m.def("mixing_backward", &mixing_backward);
  m.def("noise_floor", &noise_floor);
}
