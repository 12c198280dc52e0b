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
void TF_GetInput(TF_OpKernelContext *, int, TF_Tensor **, TF_Status *);
TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *, int, TF_DataType, const int64_t *, int, size_t, TF_Status *);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *, TF_Status *);
void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);
void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction *, const char *, unsigned char *, TF_Status *);
}

namespace lggan {
namespace {

// Sixteen numbers at once; a processor with narrower registers takes several. Each of the marked functions is compiled for all of them, and adds in the same order everywhere.
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

// What an operation was made with: its one attribute.
struct Flag {
  unsigned char value = 0;
};

void *makeFlag(TF_OpKernelConstruction *construction) {
  auto *flag = new Flag;
  TF_Status *status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrBool(construction, "flag", &flag->value, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return flag;
}
void deleteFlag(void *flag) { delete static_cast<Flag *>(flag); }

// ---- Winograd's convolution F(4x4, 3x3) ----
//
// A 3x3 convolution with stride 1, padded with zeros, computes 4x4 outputs from 6x6 inputs by 36 products in place of 144 (Lavin and Gray, 1509.09308):
// Y = A' [(G g G') * (B' d B)] A. The matrices follow from six points at which polynomials are evaluated; these are the ones with the least rounding
// (Barabasz and others, 1803.10986), about seven times that of the direct sum. For the gradient in the input the kernel is turned, which evaluates it at the inverse points:
// with those points the transformed kernel serves again, each value times a power of two, which is in A.

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

// out[i] = sum of m[i][k] in[k], with the matrix in the code.
template <bool gradient>
INLINE void transformIn(const Numbers *in, int inStep, Numbers *out, int outStep) {
#pragma GCC unroll 6
  for (int i = 0; i < IN; i++) {
    Numbers sum = {};
#pragma GCC unroll 6
    for (int k = 0; k < IN; k++) {
      constexpr const Matrices &m = matrices(gradient);
      const float factor = static_cast<float>(m.B[i][k]);
      if (m.B[i][k] == 1) sum += in[k * inStep];
      else if (m.B[i][k] == -1) sum -= in[k * inStep];
      else if (m.B[i][k] != 0) sum += in[k * inStep] * factor;
    }
    out[i * outStep] = sum;
  }
}

template <bool gradient>
INLINE void transformOut(const Numbers *in, int inStep, Numbers *out, int outStep) {
#pragma GCC unroll 4
  for (int i = 0; i < OUT; i++) {
    Numbers sum = {};
#pragma GCC unroll 6
    for (int k = 0; k < IN; k++) {
      constexpr const Matrices &m = matrices(gradient);
      const float factor = static_cast<float>(m.A[i][k]);
      if (m.A[i][k] == 1) sum += in[k * inStep];
      else if (m.A[i][k] == -1) sum -= in[k * inStep];
      else if (m.A[i][k] != 0) sum += in[k * inStep] * factor;
    }
    out[i * outStep] = sum;
  }
}

struct Map {
  int64_t batch, height, width, channels;
  int64_t down() const { return (height + OUT - 1) / OUT; }
  int64_t across() const { return (width + OUT - 1) / OUT; }
  int64_t tiles() const { return batch * down() * across(); }
};

// Rows of tiles begin..end. `mask`: x counts as 0 where it is not positive; it may be missing.
template <bool gradient>
INLINE void tilesInRows(const Map &map, const float *x, const float *mask, float *out, int64_t begin, int64_t end) {
  const int64_t stride = map.tiles() * map.channels;
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / map.down(), top = row % map.down() * OUT - 1;
    for (int64_t column = 0; column < map.across(); column++) {
      const int64_t left = column * OUT - 1;
      for (int64_t c = 0; c < map.channels; c += WIDTH) {
        Numbers seen[IN * IN], half[IN * IN], done[IN * IN];
        for (int i = 0; i < IN; i++) {
          for (int k = 0; k < IN; k++) {
            const int64_t v = top + i, h = left + k;
            Numbers value = {};
            if (v >= 0 && v < map.height && h >= 0 && h < map.width) {
              const int64_t at = ((image * map.height + v) * map.width + h) * map.channels + c;
              value = *reinterpret_cast<const Numbers *>(x + at);
              if (mask) {
                const Numbers zero = {};
                value = *reinterpret_cast<const Numbers *>(mask + at) > zero ? value : zero;
              }
            }
            seen[i * IN + k] = value;
          }
        }
        for (int k = 0; k < IN; k++) transformIn<gradient>(seen + k, IN, half + k, IN);
        for (int i = 0; i < IN; i++) transformIn<gradient>(half + i * IN, 1, done + i * IN, 1);
        float *to = out + (row * map.across() + column) * map.channels + c;
        for (int i = 0; i < IN * IN; i++) *reinterpret_cast<Numbers *>(to + i * stride) = done[i];
      }
    }
  }
}

FOR_EACH_PROCESSOR void tilesIn(bool gradient, const Map &map, const float *x, const float *mask, float *out, int64_t begin, int64_t end) {
  if (gradient) tilesInRows<true>(map, x, mask, out, begin, end);
  else tilesInRows<false>(map, x, mask, out, begin, end);
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
        for (int i = 0; i < IN * IN; i++) seen[i] = *reinterpret_cast<const Numbers *>(from + i * stride);
        for (int k = 0; k < IN; k++) transformOut<gradient>(seen + k, IN, half + k, IN);
        for (int i = 0; i < OUT; i++) transformOut<gradient>(half + i * IN, 1, done + i * OUT, 1);
        for (int i = 0; i < OUT && top + i < map.height; i++) {
          for (int k = 0; k < OUT && left + k < map.width; k++) {
            Numbers value = done[i * OUT + k];
            if (bias) {
              const Numbers zero = {};
              value += *reinterpret_cast<const Numbers *>(bias + c);
              // NaN stays.
              value = value < zero ? zero : value;
            }
            *reinterpret_cast<Numbers *>(out + ((image * map.height + top + i) * map.width + left + k) * map.channels + c) = value;
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

void computeTilesIn(void *flag, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *x = c.in(0), *mask = c.in(1);
  if (!c.ok()) return;
  if (!has(x, 4) || TF_Dim(x, 3) % WIDTH || (sizeOf(mask) && !sameShape(x, mask))) return c.fail("expected [B,H,W,C], C a multiple of 16, and a mask of its shape or none");
  const Map map{TF_Dim(x, 0), TF_Dim(x, 1), TF_Dim(x, 2), TF_Dim(x, 3)};
  float *out = c.out(0, {IN * IN, map.tiles(), map.channels});
  if (!out) return;
  const bool gradient = static_cast<Flag *>(flag)->value;
  inParallel(map.batch * map.down(), sizeOf(x) * 16, [&](int64_t begin, int64_t end) {
    tilesIn(gradient, map, dataOf(x), sizeOf(mask) ? dataOf(mask) : nullptr, out, begin, end);
  });
}

void computeTilesOut(void *flag, TF_OpKernelContext *context) {
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
  const bool gradient = static_cast<Flag *>(flag)->value;
  inParallel(map.batch * map.down(), sizeOf(x) * 6, [&](int64_t begin, int64_t end) {
    tilesOut(gradient, map, dataOf(x), sizeOf(bias) ? dataOf(bias) : nullptr, out, begin, end);
  });
}

// [3,3,C,K] -> [36,C,K]: G g G', summed in float64.
void computeKernelTiles(void *, TF_OpKernelContext *context) {
  Context c(context);
  TF_Tensor *g = c.in(0);
  if (!c.ok()) return;
  if (!has(g, 4) || TF_Dim(g, 0) != TAPS || TF_Dim(g, 1) != TAPS) return c.fail("expected a kernel [3,3,C,K]");
  const int64_t n = TF_Dim(g, 2) * TF_Dim(g, 3);
  float *out = c.out(0, {IN * IN, TF_Dim(g, 2), TF_Dim(g, 3)});
  if (!out) return;
  const float *from = dataOf(g);
  for (int64_t at = 0; at < n; at++) {
    double half[IN][TAPS] = {};
    for (int i = 0; i < IN; i++) {
      for (int k = 0; k < TAPS; k++) {
        for (int l = 0; l < TAPS; l++) half[i][k] += FORWARD.G[i][l] * from[(l * TAPS + k) * n + at];
      }
    }
    for (int i = 0; i < IN; i++) {
      for (int k = 0; k < IN; k++) {
        double sum = 0;
        for (int l = 0; l < TAPS; l++) sum += FORWARD.G[k][l] * half[i][l];
        out[(i * IN + k) * n + at] = static_cast<float>(sum);
      }
    }
  }
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
        const Numbers largest = *reinterpret_cast<const Numbers *>(y + at);
        Numbers left = *reinterpret_cast<const Numbers *>(dy + at);
        for (int64_t k = 0; k < 4; k++) {
          const int64_t offset = (k >> 1) * line + (column * 2 + (k & 1)) * map.channels + c;
          const auto here = *reinterpret_cast<const Numbers *>(source + offset) == largest;
          *reinterpret_cast<Numbers *>(to + offset) = here ? left : zero;
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
      const Numbers v = *reinterpret_cast<const Numbers *>(x + at + k * WIDTH);
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

// ---- registration ----

void unknownShape(TF_ShapeInferenceContext *context, TF_Status *status) { TF_ShapeInferenceContextSetUnknownShape(context, status); }

void add(const char *name, const std::vector<const char *> &inputs, const char *output, const char *attribute, void (*compute)(void *, TF_OpKernelContext *)) {
  const bool flag = attribute && std::strcmp(attribute, "flag: bool") == 0;
  TF_Status *status = TF_NewStatus();
  auto *definition = TF_NewOpDefinitionBuilder(name);
  for (const char *input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  TF_OpDefinitionBuilderAddOutput(definition, output);
  if (attribute) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknownShape);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", flag ? makeFlag : nullptr, compute, flag ? deleteFlag : nullptr), status);
  }
  TF_DeleteStatus(status);
}

// When the addon is loaded. An operation that cannot be registered is missing, and what asks for it takes the other way.
[[maybe_unused]] const bool registered = [] {
  add("LgganTilesIn", {"x: float", "mask: float"}, "tiles: float", "flag: bool", computeTilesIn);
  add("LgganTilesOut", {"tiles: float", "shape: int32", "bias: float"}, "y: float", "flag: bool", computeTilesOut);
  add("LgganKernelTiles", {"kernel: float"}, "tiles: float", nullptr, computeKernelTiles);
  add("LgganMaxPoolGradient", {"x: float", "y: float", "dy: float"}, "dx: float", nullptr, computeMaxPoolGradient);
  add("LgganSquares", {"x: N * float"}, "sums: float", "N: int >= 1", computeSquares);
  return true;
}();

}  // namespace
}  // namespace lggan
