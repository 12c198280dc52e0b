// Operations that TensorFlow has no fast kernel for, on the processor alone. src/engine/own_kernels.ts calls them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

// From tensorflow/c/kernels.h, which includes more of TensorFlow's headers than the set-up keeps.
extern "C" {
struct TF_KernelBuilder;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
TF_KernelBuilder *TF_NewKernelBuilder(const char *, const char *, void *(*)(TF_OpKernelConstruction *), void (*)(void *, TF_OpKernelContext *), void (*)(void *));
void TF_RegisterKernelBuilder(const char *, TF_KernelBuilder *, TF_Status *);
int TF_NumInputs(TF_OpKernelContext *);
int TF_NumOutputs(TF_OpKernelContext *);
void TF_GetInput(TF_OpKernelContext *, int, TF_Tensor **, TF_Status *);
TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *, int, TF_DataType, const int64_t *, int, size_t, TF_Status *);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *, TF_Status *);
void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);
void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction *, const char *, unsigned char *, TF_Status *);
void TF_OpKernelConstruction_GetAttrInt64(TF_OpKernelConstruction *, const char *, int64_t *, TF_Status *);
bool TF_OpKernelConstruction_HasAttr(TF_OpKernelConstruction *, const char *, TF_Status *);
}

// Loops over numbers become loops over sixteens; nothing that would change a bit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math", "fp-contract=off")
#endif

namespace lggan {
namespace {

// Sixteen numbers at once; a processor with narrower registers takes several. Each of the marked functions is compiled for all of them, and adds in the same order everywhere.
#pragma GCC diagnostic ignored "-Wpsabi"  // Nothing that takes or returns them is called, all is inlined.
typedef float Numbers __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int64_t WIDTH = 16;
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif
#define INLINE inline __attribute__((always_inline))

// ---- threads ----

int threads() {
  const char *wanted = std::getenv("TF_NUM_INTRAOP_THREADS");
  return std::max(1, wanted ? std::atoi(wanted) : 1);
}

// f(begin, end) on parts of 0..n, each on a thread of its own where the work (bytes that are moved) is worth one.
template <typename F>
void inParallel(int64_t n, int64_t bytes, F f) {
  const int64_t parts = std::min<int64_t>({threads(), n, 1 + bytes / (1 << 20)});
  std::vector<std::thread> others;
  for (int64_t i = 1; i < parts; i++) others.emplace_back(f, n * i / parts, n * (i + 1) / parts);
  f(0, n / std::max<int64_t>(parts, 1));
  for (auto &other : others) other.join();
}

// ---- TensorFlow's side of a kernel ----

class Context {
 public:
  explicit Context(TF_OpKernelContext *context) : context_(context) {}
  ~Context() {
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor *t : tensors_) TF_DeleteTensor(t);
    TF_DeleteStatus(status_);
  }

  TF_Tensor *in(int i) {
    TF_Tensor *t = nullptr;
    TF_GetInput(context_, i, &t, status_);
    if (t) tensors_.push_back(t);
    return t;
  }
  int inputs() const { return TF_NumInputs(context_); }

  float *out(int i, const std::vector<int64_t> &shape) {
    int64_t size = 1;
    for (int64_t n : shape) size *= n;
    TF_Tensor *t = TF_AllocateOutput(context_, i, TF_FLOAT, shape.data(), static_cast<int>(shape.size()), size * sizeof(float), status_);
    if (!t) return nullptr;
    tensors_.push_back(t);
    return static_cast<float *>(TF_TensorData(t));
  }

  void fail(const char *what) { TF_SetStatus(status_, TF_INVALID_ARGUMENT, what); }
  bool ok() const { return TF_GetCode(status_) == TF_OK; }

 private:
  TF_OpKernelContext *context_;
  TF_Status *status_ = TF_NewStatus();
  std::vector<TF_Tensor *> tensors_;
};

const float *dataOf(TF_Tensor *t) { return static_cast<const float *>(TF_TensorData(t)); }
int64_t sizeOf(TF_Tensor *t) { return TF_TensorElementCount(t); }
bool has(TF_Tensor *t, int rank) { return t && TF_NumDims(t) == rank; }
bool sameShape(TF_Tensor *a, TF_Tensor *b) {
  if (!a || !b || TF_NumDims(a) != TF_NumDims(b)) return false;
  for (int i = 0; i < TF_NumDims(a); i++) {
    if (TF_Dim(a, i) != TF_Dim(b, i)) return false;
  }
  return true;
}

// What an operation was made with.
struct Attributes {
  unsigned char gradient = 0;
  int64_t pad = 1;
};

void *makeAttributes(TF_OpKernelConstruction *construction) {
  auto *made = new Attributes;
  TF_Status *status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrBool(construction, "gradient", &made->gradient, status);
  if (TF_GetCode(status) == TF_OK && TF_OpKernelConstruction_HasAttr(construction, "pad", status)) {
    TF_OpKernelConstruction_GetAttrInt64(construction, "pad", &made->pad, status);
  }
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return made;
}
void deleteAttributes(void *made) { delete static_cast<Attributes *>(made); }

// ---- Winograd's convolution F(4x4, 3x3) ----
//
// A 3x3 convolution with stride 1 computes 4x4 outputs from 6x6 inputs by 36 products in place of 144 (Lavin and Gray, 1509.09308):
// Y = A' [(G g G') * (B' d B)] A. The matrices follow from six points at which polynomials are evaluated; these are the ones with the least rounding
// (Barabasz and others, 1803.10986), about seven times that of the direct sum. For the gradient in the input the kernel is turned, which evaluates it at the inverse points:
// with those points the transformed kernel serves again, each value times a power of two, which is in A. The gradient in the kernel is
// G' [sum over tiles of (B' d B) * (A dY A')] G.

constexpr int OUT = 4, IN = 6, TAPS = 3;
constexpr int AT_INFINITY = 5;
constexpr double POINTS[IN] = {0, 1, -1, 2, -0.5, 0};

struct Matrices {
  double A[OUT][IN] = {};   // Outputs from products.
  double B[IN][IN] = {};    // Inputs' transform.
  double G[IN][TAPS] = {};  // Kernel's transform.
};

constexpr Matrices matricesOf(const double (&points)[IN], int infinity) {
  Matrices m;
  for (int i = 0; i < IN; i++) {
    double polynomial[IN] = {1, 0, 0, 0, 0, 0};
    double norm = 1;
    int degree = 0;
    for (int k = 0; k < IN; k++) {
      if (k == i || k == infinity) continue;
      for (int d = ++degree; d > 0; d--) polynomial[d] = polynomial[d - 1] - points[k] * polynomial[d];
      polynomial[0] *= -points[k];
      if (i != infinity) norm *= points[i] - points[k];
    }
    for (int d = 0; d < IN; d++) m.B[i][d] = polynomial[d];
    double power = 1;
    for (int j = 0; j < OUT; j++) {
      m.A[j][i] = i == infinity ? (j == OUT - 1 ? 1 : 0) : power;
      if (j < TAPS) m.G[i][j] = i == infinity ? (j == TAPS - 1 ? 1 : 0) : power / norm;
      power *= points[i];
    }
  }
  return m;
}

// The transform of the turned kernel at the inverse points is that of the kernel, times a factor for each point.
constexpr Matrices gradientMatrices(const Matrices &forward) {
  double inverse[IN] = {};
  int infinity = 0;
  for (int i = 0; i < IN; i++) {
    if (i == AT_INFINITY) inverse[i] = 0;
    else if (POINTS[i] == 0) infinity = i;
    else inverse[i] = 1 / POINTS[i];
  }
  Matrices m = matricesOf(inverse, infinity);
  for (int i = 0; i < IN; i++) {
    double factor = 0;
    for (int k = 0; k < TAPS; k++) {
      if (forward.G[i][k] != 0) factor = m.G[i][TAPS - 1 - k] / forward.G[i][k];
    }
    for (int j = 0; j < OUT; j++) m.A[j][i] *= factor;
  }
  return m;
}

constexpr Matrices FORWARD = matricesOf(POINTS, AT_INFINITY);
constexpr Matrices GRADIENT = gradientMatrices(FORWARD);
constexpr const Matrices &matrices(bool gradient) { return gradient ? GRADIENT : FORWARD; }

// out[i] = sum of m[i][k] in[k], or of m[k][i] in[k], with the matrix's numbers in the code: a 0 is left out, a 1 not multiplied by.
#define TRANSFORM(name, rows, columns, entry)                                              \
  template <bool gradient>                                                                 \
  INLINE void name(const Numbers *in, int inStep, Numbers *out, int outStep) {             \
    constexpr const Matrices &m = matrices(gradient);                                      \
    _Pragma("GCC unroll 6") for (int i = 0; i < rows; i++) {                               \
      Numbers sum = {};                                                                    \
      _Pragma("GCC unroll 6") for (int k = 0; k < columns; k++) {                          \
        if (entry == 1) sum += in[k * inStep];                                             \
        else if (entry == -1) sum -= in[k * inStep];                                       \
        else if (entry != 0) sum += in[k * inStep] * static_cast<float>(entry);            \
      }                                                                                    \
      out[i * outStep] = sum;                                                              \
    }                                                                                      \
  }
TRANSFORM(transformInput, IN, IN, m.B[i][k])
TRANSFORM(transformOutput, OUT, IN, m.A[i][k])
TRANSFORM(transformKernel, IN, TAPS, m.G[i][k])
TRANSFORM(outputTransposed, IN, OUT, m.A[k][i])
TRANSFORM(kernelTransposed, TAPS, IN, m.G[k][i])

INLINE Numbers load(const float *at) { return *reinterpret_cast<const Numbers *>(at); }
INLINE void store(float *at, Numbers value) { *reinterpret_cast<Numbers *>(at) = value; }

// What a convolution puts out, in tiles of 4x4.
struct Map {
  int64_t batch, height, width, channels;
  int64_t down() const { return (height + OUT - 1) / OUT; }
  int64_t across() const { return (width + OUT - 1) / OUT; }
  int64_t tiles() const { return batch * down() * across(); }
};

// Of an input padded by `pad` pixels of zeros, rows of tiles begin..end. `mask`: x counts as 0 where it is not positive; it may be missing.
template <bool gradient>
INLINE void tilesInRows(const Map &map, int64_t pad, const float *x, const float *mask, float *out, int64_t begin, int64_t end) {
  const int64_t height = map.height + 2 - 2 * pad, width = map.width + 2 - 2 * pad;
  const int64_t stride = map.tiles() * map.channels;
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / map.down(), top = row % map.down() * OUT - pad;
    for (int64_t column = 0; column < map.across(); column++) {
      const int64_t left = column * OUT - pad;
      for (int64_t c = 0; c < map.channels; c += WIDTH) {
        Numbers seen[IN * IN], half[IN * IN], done[IN * IN];
        for (int i = 0; i < IN; i++) {
          for (int k = 0; k < IN; k++) {
            const int64_t v = top + i, h = left + k;
            Numbers value = {};
            if (v >= 0 && v < height && h >= 0 && h < width) {
              const int64_t at = ((image * height + v) * width + h) * map.channels + c;
              value = load(x + at);
              if (mask) {
                const Numbers zero = {};
                value = load(mask + at) > zero ? value : zero;
              }
            }
            seen[i * IN + k] = value;
          }
        }
        for (int k = 0; k < IN; k++) transformInput<gradient>(seen + k, IN, half + k, IN);
        for (int i = 0; i < IN; i++) transformInput<gradient>(half + i * IN, 1, done + i * IN, 1);
        float *to = out + (row * map.across() + column) * map.channels + c;
        for (int i = 0; i < IN * IN; i++) store(to + i * stride, done[i]);
      }
    }
  }
}

FOR_EACH_PROCESSOR void tilesIn(const Attributes &made, const Map &map, const float *x, const float *mask, float *out, int64_t begin, int64_t end) {
  if (made.gradient) tilesInRows<true>(map, made.pad, x, mask, out, begin, end);
  else tilesInRows<false>(map, made.pad, x, mask, out, begin, end);
}

// Back from tiles to a map; with a bias max(0, y + bias).
template <bool gradient>
INLINE void tilesOutRows(const Map &map, const float *x, const float *bias, float *out, int64_t begin, int64_t end) {
  const int64_t stride = map.tiles() * map.channels;
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / map.down(), top = row % map.down() * OUT;
    for (int64_t column = 0; column < map.across(); column++) {
      const int64_t left = column * OUT;
      for (int64_t c = 0; c < map.channels; c += WIDTH) {
        Numbers seen[IN * IN], half[OUT * IN], done[OUT * OUT];
        const float *from = x + (row * map.across() + column) * map.channels + c;
        for (int i = 0; i < IN * IN; i++) seen[i] = load(from + i * stride);
        for (int k = 0; k < IN; k++) transformOutput<gradient>(seen + k, IN, half + k, IN);
        for (int i = 0; i < OUT; i++) transformOutput<gradient>(half + i * IN, 1, done + i * OUT, 1);
        for (int i = 0; i < OUT && top + i < map.height; i++) {
          for (int k = 0; k < OUT && left + k < map.width; k++) {
            Numbers value = done[i * OUT + k];
            if (bias) {
              const Numbers zero = {};
              value += load(bias + c);
              // NaN stays.
              value = value < zero ? zero : value;
            }
            store(out + ((image * map.height + top + i) * map.width + left + k) * map.channels + c, value);
          }
        }
      }
    }
  }
}

FOR_EACH_PROCESSOR void tilesOut(bool gradient, const Map &map, const float *x, const float *bias, float *out, int64_t begin, int64_t end) {
  if (gradient) tilesOutRows<true>(map, x, bias, out, begin, end);
  else tilesOutRows<false>(map, x, bias, out, begin, end);
}

void computeTilesIn(void *attributes, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *x = c.in(0), *mask = c.in(1);
  if (!c.ok()) return;
  if (!has(x, 4) || TF_Dim(x, 3) % WIDTH || (sizeOf(mask) && !sameShape(x, mask))) return c.fail("expected [B,H,W,C], C a multiple of 16, and a mask of its shape or none");
  const auto &made = *static_cast<Attributes *>(attributes);
  const Map map{TF_Dim(x, 0), TF_Dim(x, 1) + 2 * made.pad - 2, TF_Dim(x, 2) + 2 * made.pad - 2, TF_Dim(x, 3)};
  if (made.pad < 0 || made.pad > 2 || map.height < 1 || map.width < 1) return c.fail("a map that is smaller than the kernel");
  float *out = c.out(0, {IN * IN, map.tiles(), map.channels});
  if (!out) return;
  inParallel(map.batch * map.down(), sizeOf(x) * 16, [&](int64_t begin, int64_t end) {
    tilesIn(made, map, dataOf(x), sizeOf(mask) ? dataOf(mask) : nullptr, out, begin, end);
  });
}

void computeTilesOut(void *attributes, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *x = c.in(0), *shape = c.in(1), *bias = c.in(2);
  if (!c.ok()) return;
  if (!has(x, 3) || sizeOf(shape) != 4 || TF_Dim(x, 2) % WIDTH) return c.fail("expected [36,T,C], C a multiple of 16, and four sizes");
  const auto *n = static_cast<const int32_t *>(TF_TensorData(shape));
  const Map map{n[0], n[1], n[2], n[3]};
  if (TF_Dim(x, 0) != IN * IN || TF_Dim(x, 1) != map.tiles() || TF_Dim(x, 2) != map.channels || (sizeOf(bias) && sizeOf(bias) != map.channels)) {
    return c.fail("tiles that do not fit the sizes");
  }
  float *out = c.out(0, {n[0], n[1], n[2], n[3]});
  if (!out) return;
  const bool gradient = static_cast<Attributes *>(attributes)->gradient;
  inParallel(map.batch * map.down(), sizeOf(x) * 6, [&](int64_t begin, int64_t end) {
    tilesOut(gradient, map, dataOf(x), sizeOf(bias) ? dataOf(bias) : nullptr, out, begin, end);
  });
}

// A map's gradient in tiles, A dY A': what the gradient in the kernel is made of.
FOR_EACH_PROCESSOR void gradientTiles(const Map &map, const float *dy, float *out, int64_t begin, int64_t end) {
  const int64_t stride = map.tiles() * map.channels;
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / map.down(), top = row % map.down() * OUT;
    for (int64_t column = 0; column < map.across(); column++) {
      const int64_t left = column * OUT;
      for (int64_t c = 0; c < map.channels; c += WIDTH) {
        Numbers seen[OUT * OUT], half[IN * OUT], done[IN * IN];
        for (int i = 0; i < OUT; i++) {
          for (int k = 0; k < OUT; k++) {
            const Numbers zero = {};
            const bool inside = top + i < map.height && left + k < map.width;
            seen[i * OUT + k] = inside ? load(dy + ((image * map.height + top + i) * map.width + left + k) * map.channels + c) : zero;
          }
        }
        for (int k = 0; k < OUT; k++) outputTransposed<false>(seen + k, OUT, half + k, OUT);
        for (int i = 0; i < IN; i++) outputTransposed<false>(half + i * OUT, 1, done + i * IN, 1);
        float *to = out + (row * map.across() + column) * map.channels + c;
        for (int i = 0; i < IN * IN; i++) store(to + i * stride, done[i]);
      }
    }
  }
}

void computeGradientTiles(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *dy = c.in(0);
  if (!c.ok()) return;
  if (!has(dy, 4) || TF_Dim(dy, 3) % WIDTH) return c.fail("expected [B,H,W,C], C a multiple of 16");
  const Map map{TF_Dim(dy, 0), TF_Dim(dy, 1), TF_Dim(dy, 2), TF_Dim(dy, 3)};
  float *out = c.out(0, {IN * IN, map.tiles(), map.channels});
  if (!out) return;
  inParallel(map.batch * map.down(), sizeOf(dy) * 16, [&](int64_t begin, int64_t end) { gradientTiles(map, dataOf(dy), out, begin, end); });
}

// Sixteen kernels at a time: G g G', and G' p G back.
FOR_EACH_PROCESSOR void kernelTiles(const float *from, float *to, int64_t n, int64_t begin, int64_t end) {
  for (int64_t at = begin * WIDTH; at < end * WIDTH; at += WIDTH) {
    Numbers seen[TAPS * TAPS], half[IN * TAPS], done[IN * IN];
    for (int i = 0; i < TAPS * TAPS; i++) seen[i] = load(from + i * n + at);
    for (int k = 0; k < TAPS; k++) transformKernel<false>(seen + k, TAPS, half + k, TAPS);
    for (int i = 0; i < IN; i++) transformKernel<false>(half + i * TAPS, 1, done + i * IN, 1);
    for (int i = 0; i < IN * IN; i++) store(to + i * n + at, done[i]);
  }
}

FOR_EACH_PROCESSOR void kernelGradient(const float *from, float *to, int64_t n, int64_t begin, int64_t end) {
  for (int64_t at = begin * WIDTH; at < end * WIDTH; at += WIDTH) {
    Numbers seen[IN * IN], half[TAPS * IN], done[TAPS * TAPS];
    for (int i = 0; i < IN * IN; i++) seen[i] = load(from + i * n + at);
    for (int k = 0; k < IN; k++) kernelTransposed<false>(seen + k, IN, half + k, IN);
    for (int i = 0; i < TAPS; i++) kernelTransposed<false>(half + i * IN, 1, done + i * TAPS, 1);
    for (int i = 0; i < TAPS * TAPS; i++) store(to + i * n + at, done[i]);
  }
}

// [3,3,C,K] -> [36,C,K]
void computeKernelTiles(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *g = c.in(0);
  if (!c.ok()) return;
  const int64_t n = has(g, 4) ? TF_Dim(g, 2) * TF_Dim(g, 3) : 1;
  if (n % WIDTH || TF_Dim(g, 0) != TAPS || TF_Dim(g, 1) != TAPS) return c.fail("expected a kernel [3,3,C,K], C * K a multiple of 16");
  float *out = c.out(0, {IN * IN, TF_Dim(g, 2), TF_Dim(g, 3)});
  if (out) inParallel(n / WIDTH, n * 180, [&](int64_t begin, int64_t end) { kernelTiles(dataOf(g), out, n, begin, end); });
}

// [36,C,K] -> [3,3,C,K]
void computeKernelGradient(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *p = c.in(0);
  if (!c.ok()) return;
  const int64_t n = has(p, 3) ? TF_Dim(p, 1) * TF_Dim(p, 2) : 1;
  if (n % WIDTH || TF_Dim(p, 0) != IN * IN) return c.fail("expected [36,C,K], C * K a multiple of 16");
  float *out = c.out(0, {TAPS, TAPS, TF_Dim(p, 1), TF_Dim(p, 2)});
  if (out) inParallel(n / WIDTH, n * 180, [&](int64_t begin, int64_t end) { kernelGradient(dataOf(p), out, n, begin, end); });
}

// ---- the gradient of a maximum over 2x2 ----

// To the first of the largest, as TensorFlow does.
FOR_EACH_PROCESSOR void maxPoolRows(const Map &map, const float *x, const float *y, const float *dy, float *dx, int64_t begin, int64_t end) {
  const int64_t down = map.height / 2, across = map.width / 2, line = map.width * map.channels;
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / down, top = row % down * 2;
    const float *source = x + (image * map.height + top) * line;
    float *to = dx + (image * map.height + top) * line;
    for (int64_t column = 0; column < across; column++) {
      for (int64_t c = 0; c < map.channels; c += WIDTH) {
        const Numbers zero = {};
        const int64_t at = (row * across + column) * map.channels + c;
        const Numbers largest = load(y + at);
        Numbers left = load(dy + at);
        for (int64_t k = 0; k < 4; k++) {
          const int64_t offset = (k >> 1) * line + (column * 2 + (k & 1)) * map.channels + c;
          const auto here = load(source + offset) == largest;
          store(to + offset, here ? left : zero);
          left = here ? zero : left;
        }
      }
    }
    // What no window sees.
    if (map.width % 2) {
      for (int64_t k = 0; k < 2; k++) std::memset(to + k * line + 2 * across * map.channels, 0, map.channels * sizeof(float));
    }
    if (map.height % 2 && top + 3 == map.height) std::memset(to + 2 * line, 0, line * sizeof(float));
  }
}

void computeMaxPoolGradient(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *x = c.in(0), *y = c.in(1), *dy = c.in(2);
  if (!c.ok()) return;
  if (!has(x, 4) || !sameShape(y, dy) || TF_Dim(x, 3) % WIDTH || TF_Dim(y, 1) != TF_Dim(x, 1) / 2 || TF_Dim(y, 2) != TF_Dim(x, 2) / 2) {
    return c.fail("expected a map [B,H,W,C], C a multiple of 16, its maxima over 2x2 and their gradient");
  }
  const Map map{TF_Dim(x, 0), TF_Dim(x, 1), TF_Dim(x, 2), TF_Dim(x, 3)};
  float *out = c.out(0, {map.batch, map.height, map.width, map.channels});
  if (!out) return;
  inParallel(map.batch * (map.height / 2), sizeOf(x) * 10, [&](int64_t begin, int64_t end) {
    maxPoolRows(map, dataOf(x), dataOf(y), dataOf(dy), out, begin, end);
  });
}

// ---- sums of squares ----

FOR_EACH_PROCESSOR float sumOfSquares(const float *x, int64_t n) {
  Numbers sums[4] = {};
  int64_t at = 0;
  for (; at + 4 * WIDTH <= n; at += 4 * WIDTH) {
    for (int k = 0; k < 4; k++) {
      const Numbers v = load(x + at + k * WIDTH);
      sums[k] += v * v;
    }
  }
  float sum = 0;
  for (; at < n; at++) sum += x[at] * x[at];
  for (int k = 0; k < 4; k++) {
    for (int64_t l = 0; l < WIDTH; l++) sum += sums[k][l];
  }
  return sum;
}

// N tensors -> [N]: of each the sum of its squares.
void computeSquares(void *, TF_OpKernelContext *context) {
  Context c(context);
  const int n = c.inputs();
  float *out = c.out(0, {n});
  for (int i = 0; out && i < n; i++) {
    TF_Tensor *t = c.in(i);
    if (!t) return;
    out[i] = sumOfSquares(dataOf(t), sizeOf(t));
  }
}

// ---- the mean absolute difference ----

constexpr int64_t BLOCK = 1 << 12;

// Of a block, so that the sum of all can be one in float64.
FOR_EACH_PROCESSOR float sumOfDifferences(const float *a, const float *b, int64_t n) {
  Numbers sums[4] = {};
  const Numbers zero = {};
  int64_t at = 0;
  for (; at + 4 * WIDTH <= n; at += 4 * WIDTH) {
    for (int k = 0; k < 4; k++) {
      const Numbers d = load(a + at + k * WIDTH) - load(b + at + k * WIDTH);
      sums[k] += d < zero ? -d : d;
    }
  }
  float sum = 0;
  for (; at < n; at++) sum += std::fabs(a[at] - b[at]);
  for (int k = 0; k < 4; k++) {
    for (int64_t l = 0; l < WIDTH; l++) sum += sums[k][l];
  }
  return sum;
}

FOR_EACH_PROCESSOR void signs(const float *a, const float *b, float scale, float *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const float d = a[i] - b[i];
    out[i] = d > 0 ? scale : d < 0 ? -scale : d * scale;
  }
}

// b stands for as many copies of itself as a needs.
bool copies(TF_Tensor *a, TF_Tensor *b) { return sizeOf(b) > 0 && sizeOf(a) % sizeOf(b) == 0; }

void computeL1(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *a = c.in(0), *b = c.in(1);
  if (!c.ok()) return;
  if (!copies(a, b)) return c.fail("expected as many numbers as another tensor has, or a multiple");
  float *out = c.out(0, {});
  if (!out) return;
  double sum = 0;
  for (int64_t from = 0; from < sizeOf(a); from += sizeOf(b)) {
    for (int64_t at = 0; at < sizeOf(b); at += BLOCK) sum += sumOfDifferences(dataOf(a) + from + at, dataOf(b) + at, std::min(BLOCK, sizeOf(b) - at));
  }
  *out = static_cast<float>(sum);
}

void computeL1Gradient(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *a = c.in(0), *b = c.in(1), *scale = c.in(2);
  if (!c.ok()) return;
  if (!copies(a, b) || sizeOf(scale) != 1) return c.fail("expected as many numbers as another tensor has, or a multiple, and a factor");
  std::vector<int64_t> shape;
  for (int i = 0; i < TF_NumDims(a); i++) shape.push_back(TF_Dim(a, i));
  float *out = c.out(0, shape);
  if (!out) return;
  for (int64_t from = 0; from < sizeOf(a); from += sizeOf(b)) signs(dataOf(a) + from, dataOf(b), *dataOf(scale), out + from, sizeOf(b));
}

// ---- rows added to those of their numbers ----

FOR_EACH_PROCESSOR void addRows(const float *rows, const int32_t *index, float *out, int64_t n, int64_t channels) {
  for (int64_t i = 0; i < n; i++) {
    const float *from = rows + i * channels;
    float *to = out + index[i] * channels;
    int64_t c = 0;
    for (; c + WIDTH <= channels; c += WIDTH) store(to + c, load(to + c) + load(from + c));
    for (; c < channels; c++) to[c] += from[c];
  }
}

// rows [N,C], index [N], count -> [count,C]: the transpose of looking rows up.
void computeSumRows(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *rows = c.in(0), *index = c.in(1), *count = c.in(2);
  if (!c.ok()) return;
  if (!has(rows, 2) || sizeOf(index) != TF_Dim(rows, 0) || sizeOf(count) != 1) return c.fail("expected rows [N,C], as many numbers of rows, and how many there are");
  const int64_t n = TF_Dim(rows, 0), channels = TF_Dim(rows, 1), most = *static_cast<const int32_t *>(TF_TensorData(count));
  const auto *at = static_cast<const int32_t *>(TF_TensorData(index));
  for (int64_t i = 0; i < n; i++) {
    if (at[i] < 0 || at[i] >= most) return c.fail("a number of a row that there is not");
  }
  float *out = c.out(0, {most, channels});
  if (!out) return;
  std::memset(out, 0, most * channels * sizeof(float));
  addRows(dataOf(rows), at, out, n, channels);
}

// ---- spectral norm ----

INLINE float sumOfProducts(const float *a, const float *b, int64_t n) {
  Numbers sums = {};
  int64_t at = 0;
  for (; at + WIDTH <= n; at += WIDTH) sums += load(a + at) * load(b + at);
  float sum = 0;
  for (; at < n; at++) sum += a[at] * b[at];
  for (int64_t l = 0; l < WIDTH; l++) sum += sums[l];
  return sum;
}

// Of rows begin..end the product with a vector, or with rows of another matrix.
FOR_EACH_PROCESSOR void rowProducts(const float *w, const float *other, bool vector, float *out, int64_t columns, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) out[r] = sumOfProducts(w + r * columns, other + (vector ? 0 : r * columns), columns);
}

// The columns begin..end of v w. Sums of some rows are added up: with the number of addends the rounding grows.
FOR_EACH_PROCESSOR void columnProducts(const float *w, const float *v, float *out, int64_t rows, int64_t columns, int64_t begin, int64_t end) {
  constexpr int64_t SOME = 64;
  for (int64_t c = begin; c < end; c += WIDTH) {
    const int64_t n = std::min(WIDTH, columns - c);
    Numbers sum = {};
    for (int64_t from = 0; from < rows; from += SOME) {
      Numbers some = {};
      for (int64_t r = from; r < std::min(rows, from + SOME); r++) {
        if (n == WIDTH) some += load(w + r * columns + c) * v[r];
        else for (int64_t l = 0; l < n; l++) some[l] += w[r * columns + c + l] * v[r];
      }
      sum += some;
    }
    for (int64_t l = 0; l < n; l++) out[c + l] = sum[l];
  }
}

void shorten(std::vector<float> *x) {
  const float length = std::max(std::sqrt(sumOfSquares(x->data(), x->size())), 1e-12f);
  for (float &value : *x) value /= length;
}

FOR_EACH_PROCESSOR void divide(const float *__restrict x, float by, float *__restrict out, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) out[i] = x[i] / by;
}

// w [kh,kw,in,out], u [out] -> w divided by its largest singular value, the vectors u and v after a power iteration, the value. v is in the order [in,kh,kw].
void computeSpectralNorm(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *w = c.in(0), *u = c.in(1);
  if (!c.ok()) return;
  if (!has(w, 4) || sizeOf(u) != TF_Dim(w, 3)) return c.fail("expected a kernel [kh,kw,in,out] and a vector [out]");
  const int64_t taps = TF_Dim(w, 0) * TF_Dim(w, 1), in = TF_Dim(w, 2), columns = TF_Dim(w, 3), rows = taps * in, size = rows * columns;
  float *normed = c.out(0, {TF_Dim(w, 0), TF_Dim(w, 1), in, columns}), *u1 = c.out(1, {columns}), *v1 = c.out(2, {rows}), *sigma = c.out(3, {});
  if (!c.ok()) return;
  std::vector<float> v(rows), t(columns);
  inParallel(rows, size * 4, [&](int64_t begin, int64_t end) { rowProducts(dataOf(w), dataOf(u), true, v.data(), columns, begin, end); });
  shorten(&v);
  inParallel((columns + WIDTH - 1) / WIDTH, size * 4, [&](int64_t begin, int64_t end) {
    columnProducts(dataOf(w), v.data(), t.data(), rows, columns, begin * WIDTH, std::min(columns, end * WIDTH));
  });
  std::vector<float> next = t;
  shorten(&next);
  rowProducts(t.data(), next.data(), true, sigma, columns, 0, 1);
  std::memcpy(u1, next.data(), columns * sizeof(float));
  for (int64_t k = 0; k < taps; k++) {
    for (int64_t i = 0; i < in; i++) v1[i * taps + k] = v[k * in + i];
  }
  inParallel(size, size * 8, [&](int64_t begin, int64_t end) { divide(dataOf(w), *sigma, normed, begin, end); });
}

FOR_EACH_PROCESSOR void spectralRows(const float *__restrict dy, const float *v, const float *__restrict u, float sigma, float factor, float *__restrict out, int64_t columns, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    const float row = factor * v[r];
    for (int64_t i = 0; i < columns; i++) out[r * columns + i] = dy[r * columns + i] / sigma - row * u[i];
  }
}

// The gradient in w, with u and v as constants: dy / sigma - sum(dy * w) / sigma^2 * v u'.
void computeSpectralNormGradient(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *dy = c.in(0), *w = c.in(1), *u = c.in(2), *v = c.in(3), *sigma = c.in(4);
  if (!c.ok()) return;
  if (!has(w, 4) || !sameShape(dy, w) || sizeOf(u) != TF_Dim(w, 3) || sizeOf(v) * sizeOf(u) != sizeOf(w) || sizeOf(sigma) != 1) return c.fail("expected what LgganSpectralNorm took and gave");
  const int64_t taps = TF_Dim(w, 0) * TF_Dim(w, 1), in = TF_Dim(w, 2), columns = TF_Dim(w, 3), rows = taps * in;
  float *out = c.out(0, {TF_Dim(w, 0), TF_Dim(w, 1), in, columns});
  if (!out) return;
  std::vector<float> sums(rows), ordered(rows);
  for (int64_t k = 0; k < taps; k++) {
    for (int64_t i = 0; i < in; i++) ordered[k * in + i] = dataOf(v)[i * taps + k];
  }
  inParallel(rows, sizeOf(w) * 8, [&](int64_t begin, int64_t end) { rowProducts(dataOf(w), dataOf(dy), false, sums.data(), columns, begin, end); });
  double sum = 0;
  for (float part : sums) sum += part;
  const double s = *dataOf(sigma);
  inParallel(rows, sizeOf(w) * 8, [&](int64_t begin, int64_t end) {
    spectralRows(dataOf(dy), ordered.data(), dataOf(u), *dataOf(sigma), static_cast<float>(sum / (s * s)), out, columns, begin, end);
  });
}

// ---- SPADE's modulation by tables ----

FOR_EACH_PROCESSOR void modulateRows(const float *x, const float *gamma, const float *beta, const int32_t *index, float *out, int64_t channels, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    const float *__restrict from = x + i * channels, *__restrict g = gamma + index[i] * channels, *__restrict b = beta + index[i] * channels;
    float *__restrict to = out + i * channels;
    for (int64_t c = 0; c < channels; c++) to[c] = from[c] * (g[c] + 1) + b[c];
  }
}

bool numbersOfRows(TF_Tensor *index, int64_t pixels, int64_t rows) {
  if (sizeOf(index) != pixels) return false;
  const auto *at = static_cast<const int32_t *>(TF_TensorData(index));
  return std::all_of(at, at + pixels, [&](int32_t n) { return n >= 0 && n < rows; });
}

// x [.., C], gamma and beta [N,C], for each pixel a row -> x * (gamma + 1) + beta.
void computeModulate(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *x = c.in(0), *gamma = c.in(1), *beta = c.in(2), *index = c.in(3);
  if (!c.ok()) return;
  const int64_t channels = has(gamma, 2) ? TF_Dim(gamma, 1) : 0;
  if (!has(x, 4) || !sameShape(gamma, beta) || TF_Dim(x, 3) != channels || !numbersOfRows(index, sizeOf(x) / channels, TF_Dim(gamma, 0))) {
    return c.fail("expected a map [B,H,W,C], two tables [N,C], and a row's number for each pixel");
  }
  float *out = c.out(0, {TF_Dim(x, 0), TF_Dim(x, 1), TF_Dim(x, 2), channels});
  if (!out) return;
  inParallel(sizeOf(index), sizeOf(x) * 16, [&](int64_t begin, int64_t end) {
    modulateRows(dataOf(x), dataOf(gamma), dataOf(beta), static_cast<const int32_t *>(TF_TensorData(index)), out, channels, begin, end);
  });
}

// Of channels begin..end.
FOR_EACH_PROCESSOR void modulateGradients(const float *__restrict dy, const float *__restrict x, const float *__restrict mean, const float *__restrict root, const float *__restrict gamma,
                                          const int32_t *index, float *__restrict dx, float *__restrict dGamma, float *__restrict dBeta, int64_t pixels, int64_t channels, int64_t begin, int64_t end) {
  for (int64_t i = 0; i < pixels; i++) {
    const int64_t at = i * channels, row = index[i] * channels;
    for (int64_t c = begin; c < end; c++) {
      const float d = dy[at + c];
      dx[at + c] = d * (gamma[row + c] + 1);
      dGamma[row + c] += d * ((x[at + c] - mean[c]) * root[c]);
      dBeta[row + c] += d;
    }
  }
}

// The gradients of the modulation of (x - mean) * root, from that of its output: in what is modulated, in gamma and in beta.
void computeModulateGradient(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *dy = c.in(0), *x = c.in(1), *mean = c.in(2), *root = c.in(3), *gamma = c.in(4), *index = c.in(5);
  if (!c.ok()) return;
  const int64_t channels = has(gamma, 2) ? TF_Dim(gamma, 1) : 0, rows = channels ? TF_Dim(gamma, 0) : 0;
  if (!has(x, 4) || !sameShape(x, dy) || TF_Dim(x, 3) != channels || sizeOf(mean) != channels || sizeOf(root) != channels || !numbersOfRows(index, sizeOf(x) / channels, rows)) {
    return c.fail("expected two maps [B,H,W,C], mean and root [C], a table [N,C], and a row's number for each pixel");
  }
  float *dx = c.out(0, {TF_Dim(x, 0), TF_Dim(x, 1), TF_Dim(x, 2), channels}), *dGamma = c.out(1, {rows, channels}), *dBeta = c.out(2, {rows, channels});
  if (!c.ok()) return;
  std::memset(dGamma, 0, rows * channels * sizeof(float));
  std::memset(dBeta, 0, rows * channels * sizeof(float));
  inParallel((channels + WIDTH - 1) / WIDTH, sizeOf(x) * 16, [&](int64_t begin, int64_t end) {
    modulateGradients(dataOf(dy), dataOf(x), dataOf(mean), dataOf(root), dataOf(gamma), static_cast<const int32_t *>(TF_TensorData(index)), dx, dGamma, dBeta, sizeOf(index), channels,
                      begin * WIDTH, std::min(channels, end * WIDTH));
  });
}

// ---- SAU: four sums of the 3x3 pixels around ----

constexpr int AROUND = 9, PARITIES = 4;
typedef double Doubles __attribute__((vector_size(128)));

INLINE float total(Numbers x) {
  float sum = 0;
  for (int64_t l = 0; l < WIDTH; l++) sum += x[l];
  return sum;
}

// Of a map [B,H,W,C] the pixel at (y + k / 3 - 1, x + k % 3 - 1); null outside.
INLINE const float *around(const Map &map, const float *from, int64_t row, int64_t x, int k) {
  const int64_t y = row % map.height + k / 3 - 1, column = x + k % 3 - 1;
  if (y < 0 || y >= map.height || column < 0 || column >= map.width) return nullptr;
  return from + ((row + k / 3 - 1) * map.width + column) * map.channels;
}

// In a map of twice the size.
INLINE int64_t upsampled(const Map &map, int64_t row, int64_t x, int parity) {
  return ((2 * row + parity / 2) * 2 * map.width + 2 * x + parity % 2) * map.channels;
}

// Up to sixteen channels, zeros beyond.
INLINE Numbers some(const float *at, int64_t n) {
  if (n == WIDTH) return load(at);
  Numbers x = {};
  for (int64_t l = 0; l < n; l++) x[l] = at[l];
  return x;
}
INLINE void keep(float *at, Numbers x, int64_t n) {
  if (n == WIDTH) return store(at, x);
  for (int64_t l = 0; l < n; l++) at[l] = x[l];
}

FOR_EACH_PROCESSOR void mixRows(const Map &map, const float *source, const float *weights, float *out, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    for (int64_t x = 0; x < map.width; x++) {
      const float *w = weights + (row * map.width + x) * PARITIES * AROUND;
      for (int64_t c = 0; c < map.channels; c += WIDTH) {
        const int64_t n = std::min(WIDTH, map.channels - c);
        // In float64, rounded once: the generator's images have little to spare.
        Doubles sums[PARITIES] = {};
        for (int k = 0; k < AROUND; k++) {
          const float *from = around(map, source, row, x, k);
          if (!from) continue;
          const Doubles value = __builtin_convertvector(some(from + c, n), Doubles);
          for (int p = 0; p < PARITIES; p++) sums[p] += value * static_cast<double>(w[p * AROUND + k]);
        }
        for (int p = 0; p < PARITIES; p++) keep(out + upsampled(map, row, x, p) + c, __builtin_convertvector(sums[p], Numbers), n);
      }
    }
  }
}

FOR_EACH_PROCESSOR void mixGradientRows(const Map &map, const float *dy, const float *source, const float *weights, float *dSource, float *dWeights, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    for (int64_t x = 0; x < map.width; x++) {
      float *dw = dWeights + (row * map.width + x) * PARITIES * AROUND;
      for (int k = 0; k < AROUND; k++) {
        const float *from = around(map, source, row, x, k);
        Numbers sums[PARITIES] = {};
        for (int64_t c = 0; from && c < map.channels; c += WIDTH) {
          const int64_t n = std::min(WIDTH, map.channels - c);
          const Numbers value = some(from + c, n);
          for (int p = 0; p < PARITIES; p++) sums[p] += value * some(dy + upsampled(map, row, x, p) + c, n);
        }
        for (int p = 0; p < PARITIES; p++) dw[p * AROUND + k] = total(sums[p]);
      }
      for (int64_t c = 0; c < map.channels; c += WIDTH) {
        const int64_t n = std::min(WIDTH, map.channels - c);
        Numbers sum = {};
        for (int k = 0; k < AROUND; k++) {
          // The pixel that sees this one as its k-th.
          const int64_t y = row % map.height + 1 - k / 3, column = x + 1 - k % 3;
          if (y < 0 || y >= map.height || column < 0 || column >= map.width) continue;
          const int64_t other = row + 1 - k / 3;
          const float *w = weights + (other * map.width + column) * PARITIES * AROUND + k;
          for (int p = 0; p < PARITIES; p++) sum += some(dy + upsampled(map, other, column, p) + c, n) * w[p * AROUND];
        }
        keep(dSource + (row * map.width + x) * map.channels + c, sum, n);
      }
    }
  }
}

bool mixes(TF_Tensor *source, TF_Tensor *weights, Map *map) {
  if (!has(source, 4) || !has(weights, 4) || TF_Dim(weights, 3) != PARITIES * AROUND) return false;
  *map = {TF_Dim(source, 0), TF_Dim(source, 1), TF_Dim(source, 2), TF_Dim(source, 3)};
  return TF_Dim(weights, 0) == map->batch && TF_Dim(weights, 1) == map->height && TF_Dim(weights, 2) == map->width;
}

// source [B,H,W,C], weights [B,H,W,4*9] -> [B,2H,2W,C]
void computeMix(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *source = c.in(0), *weights = c.in(1);
  if (!c.ok()) return;
  Map map;
  if (!mixes(source, weights, &map)) return c.fail("expected a map [B,H,W,C] and weights [B,H,W,36]");
  float *out = c.out(0, {map.batch, 2 * map.height, 2 * map.width, map.channels});
  if (!out) return;
  inParallel(map.batch * map.height, sizeOf(source) * 72, [&](int64_t begin, int64_t end) { mixRows(map, dataOf(source), dataOf(weights), out, begin, end); });
}

void computeMixGradient(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *dy = c.in(0), *source = c.in(1), *weights = c.in(2);
  if (!c.ok()) return;
  Map map;
  if (!mixes(source, weights, &map) || sizeOf(dy) != PARITIES * sizeOf(source)) return c.fail("expected a map [B,H,W,C], weights [B,H,W,36] and a gradient [B,2H,2W,C]");
  float *dSource = c.out(0, {map.batch, map.height, map.width, map.channels}), *dWeights = c.out(1, {map.batch, map.height, map.width, PARITIES * AROUND});
  if (!c.ok()) return;
  inParallel(map.batch * map.height, sizeOf(source) * 144, [&](int64_t begin, int64_t end) {
    mixGradientRows(map, dataOf(dy), dataOf(source), dataOf(weights), dSource, dWeights, begin, end);
  });
}

// ---- instance norm ----

constexpr float EPSILON = 1e-5f;
constexpr int64_t SOME_PIXELS = 64;

// Sums of f(pixel) over an image's pixels for up to sixteen channels: those of some pixels in float32, all in float64.
template <typename F>
INLINE Doubles sumOfPixels(int64_t pixels, F f) {
  Doubles sum = {};
  for (int64_t from = 0; from < pixels; from += SOME_PIXELS) {
    Numbers part = {};
    for (int64_t i = from; i < std::min(pixels, from + SOME_PIXELS); i++) part += f(i);
    sum += __builtin_convertvector(part, Doubles);
  }
  return sum;
}

// Blocks begin..end of sixteen channels of an image.
FOR_EACH_PROCESSOR void normalise(const Map &map, const float *x, float *y, float *means, float *roots, int64_t begin, int64_t end) {
  const int64_t blocks = (map.channels + WIDTH - 1) / WIDTH, pixels = map.height * map.width;
  for (int64_t block = begin; block < end; block++) {
    const int64_t image = block / blocks, c = block % blocks * WIDTH, n = std::min(WIDTH, map.channels - c), start = image * pixels * map.channels + c;
    const auto at = [&](int64_t i) __attribute__((always_inline)) { return some(x + start + i * map.channels, n); };
    const Numbers mean = __builtin_convertvector(sumOfPixels(pixels, at) / static_cast<double>(pixels), Numbers);
    const Doubles squares = sumOfPixels(pixels, [&](int64_t i) __attribute__((always_inline)) {
      const Numbers d = at(i) - mean;
      return d * d;
    });
    Numbers root = __builtin_convertvector(squares / static_cast<double>(pixels), Numbers) + EPSILON;
    for (int64_t l = 0; l < WIDTH; l++) root[l] = 1 / __builtin_sqrtf(root[l]);
    for (int64_t i = 0; i < pixels; i++) keep(y + start + i * map.channels, (at(i) - mean) * root, n);
    keep(means + image * map.channels + c, mean, n);
    keep(roots + image * map.channels + c, root, n);
  }
}

FOR_EACH_PROCESSOR void normaliseGradient(const Map &map, const float *dy, const float *x, const float *means, const float *roots, float *dx, int64_t begin, int64_t end) {
  const int64_t blocks = (map.channels + WIDTH - 1) / WIDTH, pixels = map.height * map.width;
  for (int64_t block = begin; block < end; block++) {
    const int64_t image = block / blocks, c = block % blocks * WIDTH, n = std::min(WIDTH, map.channels - c), start = image * pixels * map.channels + c;
    const Numbers mean = some(means + image * map.channels + c, n), root = some(roots + image * map.channels + c, n);
    const auto d = [&](int64_t i) __attribute__((always_inline)) { return some(dy + start + i * map.channels, n); };
    const auto normal = [&](int64_t i) __attribute__((always_inline)) { return (some(x + start + i * map.channels, n) - mean) * root; };
    const double count = static_cast<double>(pixels);
    const Numbers first = __builtin_convertvector(sumOfPixels(pixels, d) / count, Numbers);
    const Numbers second = __builtin_convertvector(sumOfPixels(pixels, [&](int64_t i) __attribute__((always_inline)) { return d(i) * normal(i); }) / count, Numbers);
    for (int64_t i = 0; i < pixels; i++) keep(dx + start + i * map.channels, (d(i) - first - normal(i) * second) * root, n);
  }
}

// x [B,H,W,C] -> (x - mean) / sqrt(variance + 1e-5) of each image and channel; their means and what was multiplied by, [B,C].
void computeInstanceNorm(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *x = c.in(0);
  if (!c.ok()) return;
  if (!has(x, 4)) return c.fail("expected a map [B,H,W,C]");
  const Map map{TF_Dim(x, 0), TF_Dim(x, 1), TF_Dim(x, 2), TF_Dim(x, 3)};
  float *y = c.out(0, {map.batch, map.height, map.width, map.channels}), *means = c.out(1, {map.batch, map.channels}), *roots = c.out(2, {map.batch, map.channels});
  if (!c.ok()) return;
  inParallel(map.batch * ((map.channels + WIDTH - 1) / WIDTH), sizeOf(x) * 16, [&](int64_t begin, int64_t end) { normalise(map, dataOf(x), y, means, roots, begin, end); });
}

void computeInstanceNormGradient(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *dy = c.in(0), *x = c.in(1), *means = c.in(2), *roots = c.in(3);
  if (!c.ok()) return;
  if (!has(x, 4) || !sameShape(dy, x) || sizeOf(means) != TF_Dim(x, 0) * TF_Dim(x, 3) || !sameShape(means, roots)) return c.fail("expected what LgganInstanceNorm took and gave");
  const Map map{TF_Dim(x, 0), TF_Dim(x, 1), TF_Dim(x, 2), TF_Dim(x, 3)};
  float *dx = c.out(0, {map.batch, map.height, map.width, map.channels});
  if (!dx) return;
  inParallel(map.batch * ((map.channels + WIDTH - 1) / WIDTH), sizeOf(x) * 24, [&](int64_t begin, int64_t end) {
    normaliseGradient(map, dataOf(dy), dataOf(x), dataOf(means), dataOf(roots), dx, begin, end);
  });
}

// ---- Adam ----

// What a step multiplies by; `rest`: 1 - beta.
struct Factors {
  float scale, floor, beta1, rest1, beta2, rest2;
};

// The numbers and the order are those of src/training/adam.ts.
FOR_EACH_PROCESSOR void moveBy(const Factors f, const float *__restrict w, const float *__restrict g, const float *__restrict v, float *__restrict w1, float *__restrict v1, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const float square = v[i] * f.beta2 + g[i] * g[i] * f.rest2;
    v1[i] = square;
    w1[i] = w[i] - g[i] * f.scale / (__builtin_sqrtf(square) + f.floor);
  }
}

FOR_EACH_PROCESSOR void moveByMeans(const Factors f, const float *__restrict w, const float *__restrict g, const float *__restrict v, const float *__restrict m, float *__restrict w1,
                                    float *__restrict v1, float *__restrict m1, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const float square = v[i] * f.beta2 + g[i] * g[i] * f.rest2;
    const float mean = m[i] * f.beta1 + g[i] * f.rest1;
    v1[i] = square;
    m1[i] = mean;
    w1[i] = w[i] - mean * f.scale / (__builtin_sqrtf(square) + f.floor);
  }
}

// Factors [6], N weights, N gradients, N means of squares, N or no means -> all but the gradients anew.
void computeAdam(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *factors = c.in(0);
  if (!c.ok()) return;
  const bool means = TF_NumOutputs(context) % 3 == 0 && c.inputs() - 1 == TF_NumOutputs(context) / 3 * 4;
  const int n = (c.inputs() - 1) / (means ? 4 : 3);
  if (sizeOf(factors) != 6) return c.fail("expected six factors");
  Factors f;
  std::memcpy(&f, dataOf(factors), sizeof f);
  for (int i = 0; i < n; i++) {
    TF_Tensor *w = c.in(1 + i), *g = c.in(1 + n + i), *v = c.in(1 + 2 * n + i), *m = means ? c.in(1 + 3 * n + i) : nullptr;
    if (!c.ok()) return;
    const int64_t size = sizeOf(w);
    if (sizeOf(g) != size || sizeOf(v) != size || (m && sizeOf(m) != size)) return c.fail("a gradient or a mean of another size than its weight");
    std::vector<int64_t> shape;
    for (int k = 0; k < TF_NumDims(w); k++) shape.push_back(TF_Dim(w, k));
    float *w1 = c.out(i, shape), *v1 = c.out(n + i, {size}), *m1 = means ? c.out(2 * n + i, {size}) : nullptr;
    if (!c.ok()) return;
    inParallel(size, size * 20, [&](int64_t begin, int64_t end) {
      const int64_t part = end - begin;
      if (m) moveByMeans(f, dataOf(w) + begin, dataOf(g) + begin, dataOf(v) + begin, dataOf(m) + begin, w1 + begin, v1 + begin, m1 + begin, part);
      else moveBy(f, dataOf(w) + begin, dataOf(g) + begin, dataOf(v) + begin, w1 + begin, v1 + begin, part);
    });
  }
}

// ---- moving average ----

FOR_EACH_PROCESSOR void blend(float old, float now, const float *__restrict average, const float *__restrict source, float *__restrict y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = average[i] * old + source[i] * now;
}

// Two factors, N averages, N sources -> the averages anew.
void computeBlend(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *old = c.in(0), *now = c.in(1);
  if (!c.ok()) return;
  if (sizeOf(old) != 1 || sizeOf(now) != 1) return c.fail("expected a number for each factor");
  const int n = (c.inputs() - 2) / 2;
  for (int i = 0; i < n; i++) {
    TF_Tensor *average = c.in(2 + i), *source = c.in(2 + n + i);
    if (!c.ok()) return;
    if (!sameShape(average, source)) return c.fail("an average of another shape than its source");
    std::vector<int64_t> shape;
    for (int k = 0; k < TF_NumDims(average); k++) shape.push_back(TF_Dim(average, k));
    float *y = c.out(i, shape);
    if (!c.ok()) return;
    inParallel(sizeOf(average), sizeOf(average) * 12, [&](int64_t begin, int64_t end) {
      blend(*dataOf(old), *dataOf(now), dataOf(average) + begin, dataOf(source) + begin, y + begin, end - begin);
    });
  }
}

// ---- registration ----

void unknownShape(TF_ShapeInferenceContext *context, TF_Status *status) { TF_ShapeInferenceContextSetUnknownShape(context, status); }

typedef std::vector<const char *> Texts;

void add(const char *name, const Texts &inputs, const Texts &outputs, const Texts &attributes, bool made, void (*compute)(void *, TF_OpKernelContext *)) {
  TF_Status *status = TF_NewStatus();
  auto *definition = TF_NewOpDefinitionBuilder(name);
  for (const char *input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char *output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  for (const char *attribute : attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknownShape);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", made ? makeAttributes : nullptr, compute, made ? deleteAttributes : nullptr), status);
  }
  TF_DeleteStatus(status);
}

// When the addon is loaded. An operation that cannot be registered is missing, and what asks for it takes the other way.
[[maybe_unused]] const bool registered = [] {
  add("LgganTilesIn", {"x: float", "mask: float"}, {"tiles: float"}, {"gradient: bool", "pad: int"}, true, computeTilesIn);
  add("LgganTilesOut", {"tiles: float", "shape: int32", "bias: float"}, {"y: float"}, {"gradient: bool"}, true, computeTilesOut);
  add("LgganGradientTiles", {"dy: float"}, {"tiles: float"}, {}, false, computeGradientTiles);
  add("LgganKernelTiles", {"kernel: float"}, {"tiles: float"}, {}, false, computeKernelTiles);
  add("LgganKernelGradient", {"tiles: float"}, {"gradient: float"}, {}, false, computeKernelGradient);
  add("LgganMaxPoolGradient", {"x: float", "y: float", "dy: float"}, {"dx: float"}, {}, false, computeMaxPoolGradient);
  add("LgganSquares", {"x: N * float"}, {"sums: float"}, {"N: int >= 1"}, false, computeSquares);
  add("LgganL1", {"a: float", "b: float"}, {"sum: float"}, {}, false, computeL1);
  add("LgganL1Gradient", {"a: float", "b: float", "scale: float"}, {"da: float"}, {}, false, computeL1Gradient);
  add("LgganSumRows", {"rows: float", "index: int32", "count: int32"}, {"sums: float"}, {}, false, computeSumRows);
  add("LgganSpectralNorm", {"w: float", "u: float"}, {"normed: float", "u1: float", "v1: float", "sigma: float"}, {}, false, computeSpectralNorm);
  add("LgganSpectralNormGradient", {"dy: float", "w: float", "u: float", "v: float", "sigma: float"}, {"dw: float"}, {}, false, computeSpectralNormGradient);
  add("LgganModulate", {"x: float", "gamma: float", "beta: float", "index: int32"}, {"y: float"}, {}, false, computeModulate);
  add("LgganModulateGradient", {"dy: float", "x: float", "mean: float", "root: float", "gamma: float", "index: int32"}, {"dx: float", "dgamma: float", "dbeta: float"}, {}, false,
      computeModulateGradient);
  add("LgganMix", {"source: float", "weights: float"}, {"y: float"}, {}, false, computeMix);
  add("LgganMixGradient", {"dy: float", "source: float", "weights: float"}, {"dsource: float", "dweights: float"}, {}, false, computeMixGradient);
  add("LgganInstanceNorm", {"x: float"}, {"y: float", "means: float", "roots: float"}, {}, false, computeInstanceNorm);
  add("LgganInstanceNormGradient", {"dy: float", "x: float", "means: float", "roots: float"}, {"dx: float"}, {}, false, computeInstanceNormGradient);
  add("LgganAdam", {"factors: float", "w: N * float", "g: N * float", "v: N * float", "m: M * float"}, {"w1: N * float", "v1: N * float", "m1: M * float"},
      {"N: int >= 1", "M: int >= 0"}, false, computeAdam);
  add("LgganBlend", {"old: float", "now: float", "averages: N * float", "sources: N * float"}, {"y: N * float"}, {"N: int >= 1"}, false, computeBlend);
  return true;
}();

}  // namespace
}  // namespace lggan
