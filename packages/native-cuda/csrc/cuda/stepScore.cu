// stepScore on the device.
//
//   labelProducts  a warp per row, or a block per row when rows are few: label rows . hidden, and the step's outputs
//   headLogits     a block per 64 rows: the same for a two-layer head
//   stepOutputs    a thread per step, where the label rows took more than one pass
//   candidates     8 lanes per candidate
//   problems       a warp per problem
//
// Canonical order of a product, the same in every variant, so that a score depends on neither batch nor grid: a row is cut into tiles of
// 32 vectors of 16 bytes. Lane l sums the elements of its vectors in tiles p, p + 4, p + 8, ... into part p (0 to 3), one fused
// multiply-add after the other; (part 0 + part 1) + (part 2 + part 3) are added over the lanes by a xor tree.
#include <vector>

#include "cuda/call.h"
#include "cuda/simt.h"
#include "ops/stepScore.h"

namespace vlprm::cuda {

namespace {

constexpr int BLOCK = 256;
constexpr int PARTS = 4;
constexpr int MOST_ROWS = 4;  // label rows of a pass
constexpr int64_t ALIGNMENT = sizeof(uint4);
constexpr int64_t CHUNK_BYTES = int64_t{32} << 20;  // rows staged on the device at a time

template <class T>
constexpr int ELEMENTS = static_cast<int>(sizeof(uint4) / sizeof(T));  // of a vector

// What kernels read: in device memory, so that one graph serves calls of many shapes.
struct Arguments {
  const char* hidden;         // row 0; rows are aligned to 16 bytes
  const int32_t* positions;   // row of each step, or null
  int64_t rowBytes;           // from row to row
  int64_t firstStep;          // step of hidden row 0, or of positions[0]
  int64_t steps;              // of this launch
  int64_t allSteps;
  int64_t vectors;            // of a row
  int64_t tiles;              // of a row, a multiple of PARTS
  const float4* weights;      // packed label rows of this pass, or the parameters of the head
  const double* bias;         // of this pass
  int64_t others;
  int64_t firstOther;         // of this pass
  double* differences;        // [all steps, others] when there are several passes, else null
  int64_t width;
  int64_t hiddenSize;
  double temperature;
  float* logit;
  float* probability;
  float* logProbability;
  double threshold;
  const int32_t* candidateOffsets;
  int64_t candidates;
  float* aggregates[VLPRM_AGGREGATES];
  int32_t* firstError;
  const float* scores;        // the aggregate to choose by
  const int32_t* problemOffsets;
  int64_t problems;
  const int32_t* answers;
  int32_t* best;
  int32_t* vote;
};

// --- a step's outputs ------------------------------------------------------------------------------------------------

struct Logistic {
  float probability;
  float logPositive;
  float logNegative;
};

__device__ Logistic logistic(float logit) {
  const float small = expf(-fabsf(logit));
  const float log = log1pf(small);
  const bool positive = logit >= 0;
  return {positive ? 1 / (1 + small) : small / (1 + small), positive ? -log : logit - log, positive ? -logit - log : -log};
}

__device__ void writeTwoLabels(const Arguments& a, int64_t step, double difference) {
  const float logit = static_cast<float>(difference / a.temperature);
  const Logistic p = logistic(logit);
  a.logit[step] = logit;
  a.probability[step] = p.probability;
  a.logProbability[2 * step] = p.logPositive;
  a.logProbability[2 * step + 1] = p.logNegative;
}

// difference(j), j < others <= most: of the label logits, before the temperature.
template <class Difference>
__device__ __forceinline__ void writeLabels(const Arguments& a, int64_t step, int64_t most, const Difference& difference) {
  double smallest = INFINITY;
  bool nan = false;
#pragma unroll
  for (int64_t j = 0; j < most; ++j) {
    const double u = j < a.others ? difference(j) / a.temperature : static_cast<double>(INFINITY);
    nan = nan || isnan(u);
    smallest = fmin(smallest, u);
  }
  double sum = 0;
#pragma unroll
  for (int64_t j = 0; j < most; ++j) {
    if (j < a.others) sum += exp(smallest - difference(j) / a.temperature);
  }
  const double logit = nan ? static_cast<double>(NAN) : isfinite(smallest) ? smallest - log(sum) : smallest;
  const double small = exp(-fabs(logit));
  const double logPositive = logit >= 0 ? -log1p(small) : logit - log1p(small);
  float* logs = a.logProbability + step * (a.others + 1);
  a.logit[step] = static_cast<float>(logit);
  a.probability[step] = static_cast<float>(logit >= 0 ? 1 / (1 + small) : small / (1 + small));
  logs[0] = static_cast<float>(logPositive);
#pragma unroll
  for (int64_t j = 0; j < most; ++j) {
    if (j < a.others) logs[1 + j] = static_cast<float>(logPositive - difference(j) / a.temperature);
  }
}

// The products of one step with the rows of this pass.
template <int K>
__device__ void writeProducts(const Arguments& a, int64_t step, const float (&products)[K]) {
  if (a.differences != nullptr) {
#pragma unroll
    for (int k = 0; k < K; ++k) {
      if (a.firstOther + k < a.others) a.differences[step * a.others + a.firstOther + k] = products[k] + a.bias[k];
    }
  } else if (K == 1) {
    writeTwoLabels(a, step, products[0] + a.bias[0]);
  } else {
    writeLabels(a, step, K, [&](int64_t k) { return products[k] + a.bias[k]; });
  }
}

__global__ void stepOutputs(const Arguments* arguments) {
  const Arguments& a = *arguments;
  const int64_t step = globalThread();
  if (step >= a.allSteps) return;
  const double* u = a.differences + step * a.others;
  writeLabels(a, step, a.others, [u](int64_t j) { return u[j]; });
}

// --- products --------------------------------------------------------------------------------------------------------

// A 32-bit word of a vector as the elements that it holds.
template <class T>
struct Word;
template <>
struct Word<float> {
  static constexpr int ELEMENTS_OF = 1;
  __device__ static float element(unsigned word, int) { return floatOf(word); }
};
template <>
struct Word<Bf16> {
  static constexpr int ELEMENTS_OF = 2;
  __device__ static float element(unsigned word, int which) { return floatOf(which == 0 ? word << 16 : word & 0xffff0000u); }
};
template <>
struct Word<F16> {
  static constexpr int ELEMENTS_OF = 2;
  __device__ static float element(unsigned word, int which) { return widen(F16{static_cast<uint16_t>(which == 0 ? word : word >> 16)}); }
};

// Elements 4q to 4q + 3 of a vector.
template <class T>
__device__ __forceinline__ float4 quarter(const uint4& vector, int q) {
  typedef Word<T> W;
  const unsigned words[4] = {vector.x, vector.y, vector.z, vector.w};
  constexpr int N = W::ELEMENTS_OF;
  return {W::element(words[4 * q / N], 0), W::element(words[(4 * q + 1) / N], 1 % N), W::element(words[(4 * q + 2) / N], 0),
          W::element(words[(4 * q + 3) / N], 1 % N)};
}

__device__ __forceinline__ float addProduct(const float4& w, const float4& x, float sum) {
  return fmaf(w.w, x.w, fmaf(w.z, x.z, fmaf(w.y, x.y, fmaf(w.x, x.x, sum))));
}

// Packed weights: [K, tiles, quarters, lanes], so that a warp's loads touch 512 neighbouring bytes.
template <class T>
constexpr int QUARTERS = ELEMENTS<T> / 4;

__device__ __forceinline__ const uint4* rowOf(const Arguments& a, int64_t step) {
  const int64_t row = a.positions == nullptr ? step : a.positions[step];
  return reinterpret_cast<const uint4*>(a.hidden + row * a.rowBytes);
}

// Adds tiles `firstPart`, `firstPart` + PARTS, ... of ROWS rows to MINE parts of their sums.
template <class T, int K, int ROWS, int MINE>
__device__ __forceinline__ void addTiles(const Arguments& a, const float4* weights, const uint4* const (&rows)[ROWS], int firstPart,
                                         float (&sums)[ROWS][K][MINE]) {
  const int lane = threadIdx.x % WARP;
  for (int64_t base = firstPart; base < a.tiles; base += PARTS) {
    uint4 vectors[ROWS][MINE];
#pragma unroll
    for (int p = 0; p < MINE; ++p) {
      const int64_t vector = (base + p) * WARP + lane;
#pragma unroll
      for (int r = 0; r < ROWS; ++r) vectors[r][p] = vector < a.vectors ? loadOnce(rows[r] + vector) : uint4{0, 0, 0, 0};
    }
#pragma unroll
    for (int p = 0; p < MINE; ++p) {
#pragma unroll
      for (int q = 0; q < QUARTERS<T>; ++q) {
        float4 w[K];
#pragma unroll
        for (int k = 0; k < K; ++k) w[k] = weights[((k * a.tiles + base + p) * QUARTERS<T> + q) * WARP + lane];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
          const float4 x = quarter<T>(vectors[r][p], q);
#pragma unroll
          for (int k = 0; k < K; ++k) sums[r][k][p] = addProduct(w[k], x, sums[r][k][p]);
        }
      }
    }
  }
}

template <class T, int K>
__device__ __forceinline__ const float4* stageWeights(const Arguments& a, bool shared) {
  if (!shared) return a.weights;
  DYNAMIC_SHARED(float4, staged);
  for (int64_t i = threadIdx.x; i < K * a.tiles * QUARTERS<T> * WARP; i += blockDim.x) staged[i] = a.weights[i];
  __syncthreads();
  return staged;
}

// A warp per ROWS rows. SHARED is false for rows so wide that their weights fit no shared memory.
template <class T, int K, int ROWS, bool SHARED>
__global__ void __launch_bounds__(BLOCK) labelProducts(const Arguments* arguments) {
  const Arguments& a = *arguments;
  const float4* weights = stageWeights<T, K>(a, SHARED);
  const int lane = threadIdx.x % WARP;
  const int64_t warps = globalThreads() / WARP;
  for (int64_t first = globalThread() / WARP * ROWS; first < a.steps; first += warps * ROWS) {
    const uint4* rows[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) rows[r] = rowOf(a, first + r < a.steps ? first + r : first);
    float sums[ROWS][K][PARTS] = {};
    addTiles<T>(a, weights, rows, 0, sums);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      float products[K];
#pragma unroll
      for (int k = 0; k < K; ++k) products[k] = sumLanes((sums[r][k][0] + sums[r][k][1]) + (sums[r][k][2] + sums[r][k][3]));
      if (lane == r && first + r < a.steps) writeProducts(a, a.firstStep + first + r, products);
    }
  }
}

// A block of PARTS warps per row, each summing one part: few rows then keep the whole device busy.
template <class T, int K>
__global__ void __launch_bounds__(PARTS * WARP, 5) labelProductsSplit(const Arguments* arguments) {
  const Arguments& a = *arguments;
  __shared__ float parts[PARTS][K][WARP];
  const float4* weights = stageWeights<T, K>(a, true);
  const int lane = threadIdx.x % WARP;
  const int part = threadIdx.x / WARP;
  for (int64_t step = blockIdx.x; step < a.steps; step += gridDim.x) {
    const uint4* const row[1] = {rowOf(a, step)};
    float sums[1][K][1] = {};
    addTiles<T>(a, weights, row, part, sums);
#pragma unroll
    for (int k = 0; k < K; ++k) parts[part][k][lane] = sums[0][k][0];
    __syncthreads();
    if (part == 0) {
      float products[K];
#pragma unroll
      for (int k = 0; k < K; ++k) products[k] = sumLanes((parts[0][k][lane] + parts[1][k][lane]) + (parts[2][k][lane] + parts[3][k][lane]));
      if (lane == 0) writeProducts(a, a.firstStep + step, products);
    }
    __syncthreads();
  }
}

// Rows on the device that are not aligned to 16 bytes, copied to where they are.
__global__ void alignRows(const char* from, const int32_t* positions, int64_t rowBytes, int64_t count, char* to, int64_t stride) {
  const int64_t words = stride / 2;
  for (int64_t i = globalThread(); i < count * words; i += globalThreads()) {
    const int64_t step = i / words;
    const int64_t at = i % words * 2;
    const int64_t row = positions == nullptr ? step : positions[step];
    uint16_t value = 0;
    if (at < rowBytes) value = *reinterpret_cast<const uint16_t*>(from + row * rowBytes + at);
    *reinterpret_cast<uint16_t*>(to + step * stride + at) = value;
  }
}

// --- two-layer head --------------------------------------------------------------------------------------------------

// logit = w2 . relu(W1 x + b1) + b2. A block takes TILE_ROWS rows and goes through the units TILE_UNITS at a time; a thread holds
// PER_THREAD rows x PER_THREAD units. Sums of SUM_LENGTH products keep f32 sums short.
constexpr int TILE_ROWS = 64;
constexpr int TILE_UNITS = 64;
constexpr int TILE_WIDTH = 16;
constexpr int PER_THREAD = 4;
constexpr int SUM_LENGTH = 128;
constexpr int UNIT_THREADS = TILE_UNITS / PER_THREAD;
static_assert(TILE_ROWS / PER_THREAD * UNIT_THREADS == BLOCK, "a block covers its tile");

struct HeadTiles {
  float rows[TILE_WIDTH][TILE_ROWS + PER_THREAD];  // padded against bank conflicts; zeros beyond the batch
  float units[TILE_WIDTH][TILE_UNITS + PER_THREAD];
};

// One tile of inputs, transposed: of rows [first, first + 64) of the batch and of units [unit, unit + 64).
__device__ void loadTiles(const Arguments& a, HeadTiles& tiles, int64_t first, int64_t unit, int64_t column) {
  const float* parameters = reinterpret_cast<const float*>(a.weights);
  for (int i = threadIdx.x; i < TILE_ROWS * TILE_WIDTH; i += BLOCK) {
    const int row = i / TILE_WIDTH;
    const int at = i % TILE_WIDTH;
    const bool inside = column + at < a.width;
    const bool real = first + row < a.steps;
    tiles.rows[at][row] = inside && real ? reinterpret_cast<const float*>(rowOf(a, first + row))[column + at] : 0.0f;
    tiles.units[at][row] = inside && unit + row < a.hiddenSize ? parameters[(unit + row) * a.width + column + at] : 0.0f;
  }
}

__global__ void __launch_bounds__(BLOCK, 2) headLogits(const Arguments* arguments) {
  static_assert(TILE_ROWS == TILE_UNITS, "one loop loads both tiles");
  const Arguments& a = *arguments;
  __shared__ HeadTiles tiles;
  const float* bias = reinterpret_cast<const float*>(a.weights) + a.hiddenSize * a.width;
  const float* output = bias + a.hiddenSize;
  const int unitThread = threadIdx.x % UNIT_THREADS;
  const int rowThread = threadIdx.x / UNIT_THREADS;
  for (int64_t first = int64_t{blockIdx.x} * TILE_ROWS; first < a.steps; first += int64_t{gridDim.x} * TILE_ROWS) {
    double logits[PER_THREAD] = {};
    for (int64_t unit = 0; unit < a.hiddenSize; unit += TILE_UNITS) {
      float totals[PER_THREAD][PER_THREAD] = {};
      float sums[PER_THREAD][PER_THREAD] = {};
      for (int64_t column = 0; column < a.width; column += TILE_WIDTH) {
        __syncthreads();
        loadTiles(a, tiles, first, unit, column);
        __syncthreads();
#pragma unroll
        for (int at = 0; at < TILE_WIDTH; ++at) {
#pragma unroll
          for (int r = 0; r < PER_THREAD; ++r) {
#pragma unroll
            for (int u = 0; u < PER_THREAD; ++u) {
              sums[r][u] = fmaf(tiles.rows[at][rowThread * PER_THREAD + r], tiles.units[at][unitThread * PER_THREAD + u], sums[r][u]);
            }
          }
        }
        if ((column + TILE_WIDTH) % SUM_LENGTH != 0 && column + TILE_WIDTH < a.width) continue;
#pragma unroll
        for (int r = 0; r < PER_THREAD; ++r) {
#pragma unroll
          for (int u = 0; u < PER_THREAD; ++u) {
            totals[r][u] += sums[r][u];
            sums[r][u] = 0;
          }
        }
      }
#pragma unroll
      for (int u = 0; u < PER_THREAD; ++u) {
        const int64_t at = unit + unitThread * PER_THREAD + u;
        if (at >= a.hiddenSize) continue;
#pragma unroll
        for (int r = 0; r < PER_THREAD; ++r) {
          const float activation = totals[r][u] + bias[at];
          logits[r] += static_cast<double>(activation <= 0 ? 0.0f : activation) * output[at];  // NaN is not compared away
        }
      }
    }
#pragma unroll
    for (int r = 0; r < PER_THREAD; ++r) {
      const double logit = sumLanes<UNIT_THREADS>(logits[r]) + output[a.hiddenSize];
      const int64_t step = first + rowThread * PER_THREAD + r;
      if (unitThread == 0 && step < a.steps) writeTwoLabels(a, a.firstStep + step, logit);
    }
  }
}

// --- aggregates and choice -------------------------------------------------------------------------------------------

constexpr int CANDIDATE_LANES = 8;

// x, or NaN if either is NaN.
__device__ float smaller(float x, float y) { return x < y || isnan(x) ? x : y; }
__device__ float larger(float x, float y) { return x > y || isnan(x) ? x : y; }

struct Candidate {
  float min = INFINITY;
  float max = -INFINITY;
  double sum = 0;
  double logSum = 0;
  int32_t firstError = INT32_MAX;

  __device__ void add(const Arguments& a, int32_t begin, int32_t step) {
    const float p = a.probability[step];
    min = smaller(p, min);
    max = larger(p, max);
    sum += p;
    logSum += a.logProbability[step * (a.others + 1)];
    if (p < a.threshold && step - begin < firstError) firstError = step - begin;
  }
  // With the lane at `distance`.
  __device__ void combine(int distance) {
    min = smaller(min, __shfl_xor_sync(ALL_LANES, min, distance));
    max = larger(max, __shfl_xor_sync(ALL_LANES, max, distance));
    sum += __shfl_xor_sync(ALL_LANES, sum, distance);
    logSum += __shfl_xor_sync(ALL_LANES, logSum, distance);
    const int32_t other = __shfl_xor_sync(ALL_LANES, firstError, distance);
    if (other < firstError) firstError = other;
  }
};

__global__ void candidates(const Arguments* arguments) {
  const Arguments& a = *arguments;
  const int lane = threadIdx.x % CANDIDATE_LANES;
  const int64_t index = globalThread() / CANDIDATE_LANES;
  const bool real = index < a.candidates;
  const int32_t begin = real ? a.candidateOffsets[index] : 0;
  const int32_t end = real ? a.candidateOffsets[index + 1] : 0;
  Candidate candidate;
  for (int32_t step = begin + lane; step < end; step += CANDIDATE_LANES) candidate.add(a, begin, step);
#pragma unroll
  for (int distance = CANDIDATE_LANES / 2; distance > 0; distance /= 2) candidate.combine(distance);
  if (!real || lane != 0) return;
  const bool empty = begin == end;
  const double count = end - begin;
  a.aggregates[VLPRM_MIN][index] = empty ? NAN : candidate.min;
  a.aggregates[VLPRM_MEAN][index] = empty ? NAN : static_cast<float>(candidate.sum / count);
  a.aggregates[VLPRM_PRODUCT][index] = empty ? NAN : static_cast<float>(exp(candidate.logSum));
  a.aggregates[VLPRM_LAST][index] = empty ? NAN : a.probability[end - 1];
  a.aggregates[VLPRM_MAX][index] = empty ? NAN : candidate.max;
  a.aggregates[VLPRM_GEOMETRIC_MEAN][index] = empty ? NAN : static_cast<float>(exp(candidate.logSum / count));
  a.firstError[index] = candidate.firstError == INT32_MAX ? -1 : candidate.firstError;
}

// What is chosen: the largest value, and of equal ones the one that comes first. NaN is never chosen.
struct Choice {
  double value = -INFINITY;
  int32_t index = INT32_MAX;

  __device__ void offer(double value_, int32_t index_) {
    if (isnan(value_) || index_ == INT32_MAX) return;
    if (index == INT32_MAX || value_ > value || (value_ == value && index_ < index)) {
      value = value_;
      index = index_;
    }
  }
  // The best of the warp, in every lane.
  __device__ void combine() {
#pragma unroll
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
      const double otherValue = __shfl_xor_sync(ALL_LANES, value, distance);
      const int32_t otherIndex = __shfl_xor_sync(ALL_LANES, index, distance);
      offer(otherValue, otherIndex);
    }
  }
};

__device__ bool votes(const Arguments& a, int32_t candidate) { return a.answers[candidate] >= 0 && !isnan(a.scores[candidate]); }

// Sum of the votes for the answer of candidate `first`, in candidate order; NaN when an earlier candidate has the same answer.
__device__ double votesFor(const Arguments& a, int32_t first, int32_t begin, int32_t end) {
  const int32_t answer = a.answers[first];
  double sum = 0;
  for (int32_t candidate = begin; candidate < end; ++candidate) {
    if (a.answers[candidate] != answer || !votes(a, candidate)) continue;
    if (candidate < first) return NAN;
    sum += a.scores[candidate];
  }
  return sum;
}

__global__ void problems(const Arguments* arguments) {
  const Arguments& a = *arguments;
  const int lane = threadIdx.x % WARP;
  const int64_t index = globalThread() / WARP;
  if (index >= a.problems) return;
  const int32_t begin = a.problemOffsets[index];
  const int32_t end = a.problemOffsets[index + 1];
  Choice best;
  for (int32_t candidate = begin + lane; candidate < end; candidate += WARP) best.offer(a.scores[candidate], candidate);
  best.combine();
  if (lane == 0) a.best[index] = best.index == INT32_MAX ? -1 : best.index;
  if (a.vote == nullptr) return;
  Choice vote;
  for (int32_t candidate = begin + lane; candidate < end; candidate += WARP) {
    if (votes(a, candidate)) vote.offer(votesFor(a, candidate, begin, end), candidate);
  }
  vote.combine();
  if (lane == 0) a.vote[index] = vote.index == INT32_MAX ? -1 : a.answers[vote.index];
}

// --- launches --------------------------------------------------------------------------------------------------------

int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }
int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

int64_t elementBytes(int32_t dtype) { return dtype == VLPRM_F32 ? sizeof(float) : sizeof(uint16_t); }

// How label rows are computed: MOST_ROWS, 2 or 1 a pass, and how steps are shared out. Chosen by shapes; the bits do not depend on it.
struct Layout {
  int64_t vectors;
  int64_t tiles;
  int perPass;
  int64_t passes;
  int64_t sharedBytes;  // of the weights of a pass; 0 when they do not fit
  enum { SPLIT, ONE_ROW, TWO_ROWS } rows;
};

template <class T>
Layout layoutOf(const VlprmStepScore& op, const Call& call) {
  Layout layout = {};
  layout.vectors = (op.width + ELEMENTS<T> - 1) / ELEMENTS<T>;
  layout.tiles = roundUp(layout.vectors, PARTS * WARP) / WARP;
  const int64_t tileBytes = layout.tiles * ELEMENTS<T> * WARP * static_cast<int64_t>(sizeof(float));
  const int64_t available = static_cast<int64_t>(call.sharedLimit()) - PARTS * MOST_ROWS * WARP * static_cast<int64_t>(sizeof(float));
  if (op.head != nullptr) {
    layout.passes = 1;
    return layout;
  }
  layout.perPass = op.others > 2 ? MOST_ROWS : static_cast<int>(op.others);
  while (layout.perPass > 1 && layout.perPass * tileBytes > available) layout.perPass /= 2;
  layout.passes = (op.others + layout.perPass - 1) / layout.perPass;
  layout.sharedBytes = layout.perPass * tileBytes <= available ? layout.perPass * tileBytes : 0;
  // Fewer rows than this leave processors idle with a warp per row; more than that give every warp two.
  const bool few = op.steps <= int64_t{PARTS} * call.processors() && layout.sharedBytes > 0;
  layout.rows = few ? Layout::SPLIT : op.steps <= int64_t{8 * PARTS} * call.processors() ? Layout::ONE_ROW : Layout::TWO_ROWS;
  return layout;
}

// Label rows [first, first + perPass) as addTiles reads them; zeros beyond `others` and beyond the width.
template <class T>
void packWeights(const VlprmStepScore& op, const Layout& layout, int64_t first, float* packed) {
  for (int64_t k = 0; k < layout.perPass; ++k) {
    for (int64_t tile = 0; tile < layout.tiles; ++tile) {
      for (int q = 0; q < QUARTERS<T>; ++q) {
        for (int64_t lane = 0; lane < WARP; ++lane) {
          for (int64_t c = 0; c < 4; ++c) {
            const int64_t i = (tile * WARP + lane) * ELEMENTS<T> + 4 * q + c;
            *packed++ = first + k < op.others && i < op.width ? op.rows[(first + k) * op.width + i] : 0.0f;
          }
        }
      }
    }
  }
}

// Power of two from `value` on, so that nearby shapes share a graph.
unsigned bucket(int64_t value) {
  unsigned size = 1;
  while (size < value) size *= 2;
  return size;
}

unsigned persistentBlocks(int64_t needed, int64_t most) { return needed < most ? bucket(needed) : static_cast<unsigned>(most); }

constexpr int BLOCKS_PER_PROCESSOR = 4;

template <class T, int K>
void launchProducts(Call& call, const Layout& layout, const Arguments* arguments, int64_t steps) {
  const int64_t most = int64_t{BLOCKS_PER_PROCESSOR} * call.processors();
  const int64_t warps = BLOCK / WARP;
  const size_t shared = static_cast<size_t>(layout.sharedBytes);
  if (layout.rows == Layout::SPLIT) {
    call.launch("label rows", {persistentBlocks(steps, 2 * most), PARTS * WARP, shared}, labelProductsSplit<T, K>, arguments);
    return;
  }
  constexpr int MOST_AT_ONCE = K == MOST_ROWS ? 1 : 2;  // more label rows leave no registers for a second step
  const int rows = layout.rows == Layout::TWO_ROWS ? MOST_AT_ONCE : 1;
  const auto kernel = rows == 1 ? labelProducts<T, K, 1, true> : labelProducts<T, K, MOST_AT_ONCE, true>;
  call.launch("label rows", {persistentBlocks(roundUp(steps, rows * warps) / (rows * warps), most), BLOCK, shared}, kernel, arguments);
}

template <class T>
void launchPass(Call& call, const Layout& layout, const Arguments* arguments, int64_t steps) {
  if (layout.sharedBytes == 0) {
    const int64_t warps = BLOCK / WARP;
    const unsigned blocks = persistentBlocks(roundUp(steps, warps) / warps, int64_t{BLOCKS_PER_PROCESSOR} * call.processors());
    call.launch("label rows", {blocks, BLOCK}, labelProducts<T, 1, 1, false>, arguments);
  } else if (layout.perPass == 1) {
    launchProducts<T, 1>(call, layout, arguments, steps);
  } else if (layout.perPass == 2) {
    launchProducts<T, 2>(call, layout, arguments, steps);
  } else {
    launchProducts<T, MOST_ROWS>(call, layout, arguments, steps);
  }
}

// Where the rows of a call lie.
struct Rows {
  int64_t bytes;    // of a row as given
  int64_t stride;   // of a row on the device
  bool resident;    // on the device already
  bool inPlace;     // and aligned
  int64_t atOnce;   // rows that are staged together
};

Rows rowsOf(const Call& call, const VlprmStepScore& op) {
  Rows rows = {};
  rows.bytes = op.width * elementBytes(op.dtype);
  rows.stride = roundUp(rows.bytes, ALIGNMENT);
  rows.resident = call.resident(static_cast<const char*>(op.hidden), rows.bytes);
  rows.inPlace = rows.resident && rows.bytes == rows.stride && reinterpret_cast<uintptr_t>(op.hidden) % ALIGNMENT == 0;
  const int64_t chunk = CHUNK_BYTES / rows.stride > 0 ? CHUNK_BYTES / rows.stride : 1;
  rows.atOnce = rows.inPlace ? op.steps : least(op.steps, chunk);
  return rows;
}

class Scoring {
 public:
  Scoring(Call& call, const VlprmStepScore& op, const Layout& layout) : call_(call), op_(op), layout_(layout), rows_(rowsOf(call, op)) {
    chunks_ = op.steps == 0 ? 1 : (op.steps + rows_.atOnce - 1) / rows_.atOnce;
  }

  // T: element of the rows.
  template <class T>
  void run() {
    const Staged<Arguments> arguments = call_.stage<Arguments>(chunks_ * layout_.passes);
    const Arguments whole = describe();
    std::vector<Arguments> passes;
    for (int64_t pass = 0; pass < layout_.passes; ++pass) passes.push_back(describePass<T>(whole, pass));
    if (call_.failed()) return;
    for (int64_t i = 0; i < chunks_ * layout_.passes; ++i) arguments.host[i] = chunkOf(passes[i % layout_.passes], i / layout_.passes);
    const auto launches = [&] {
      for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
        bring(const_cast<char*>(whole.hidden), chunk);
        for (int64_t pass = 0; pass < layout_.passes; ++pass) {
          if (stepsOf(chunk) == 0) continue;
          const Arguments* const device = arguments.device + chunk * layout_.passes + pass;
          if (op_.head != nullptr) {
            call_.launch("head", {persistentBlocks(roundUp(stepsOf(chunk), TILE_ROWS) / TILE_ROWS, 2 * call_.processors()), BLOCK}, headLogits, device);
          } else {
            launchPass<T>(call_, layout_, device, stepsOf(chunk));
          }
        }
      }
      launchRest(arguments.device);
    };
    if (call_.packed()) {
      call_.replay(launches);
    } else {
      launches();
    }
  }

 private:
  int64_t stepsOf(int64_t chunk) const {
    const int64_t rest = op_.steps - chunk * rows_.atOnce;
    return rest < rows_.atOnce ? rest : rows_.atOnce;
  }

  Arguments describe() {
    Arguments a = {};
    a.hidden = placeRows();
    a.positions = rows_.inPlace ? call_.in(op_.positions, op_.steps) : nullptr;
    a.rowBytes = rows_.stride;
    a.vectors = layout_.vectors;
    a.tiles = layout_.tiles;
    a.others = op_.others;
    a.allSteps = op_.steps;
    a.differences = layout_.passes > 1 ? call_.scratch<double>(op_.steps * op_.others) : nullptr;
    a.width = op_.width;
    a.hiddenSize = op_.hiddenSize;
    a.temperature = op_.temperature;
    a.logit = call_.out(op_.logit, op_.steps);
    a.probability = call_.out(op_.probability, op_.steps);
    a.logProbability = call_.out(op_.logProbability, op_.steps * (op_.others + 1));
    a.threshold = op_.threshold;
    a.candidates = op_.candidates;
    if (op_.candidates == 0) return a;
    a.candidateOffsets = call_.in(op_.candidateOffsets, op_.candidates + 1);
    for (int k = 0; k < VLPRM_AGGREGATES; ++k) a.aggregates[k] = call_.out(op_.aggregates[k], op_.candidates);
    a.firstError = call_.out(op_.firstError, op_.candidates);
    a.problems = op_.problems;
    if (op_.problems == 0) return a;
    a.scores = a.aggregates[op_.selectBy];
    a.problemOffsets = call_.in(op_.problemOffsets, op_.problems + 1);
    a.best = call_.out(op_.best, op_.problems);
    a.vote = call_.out(op_.vote, op_.problems);
    if (a.vote != nullptr) a.answers = call_.in(op_.answers, op_.candidates);
    return a;
  }

  template <class T>
  Arguments describePass(Arguments a, int64_t pass) {
    if (op_.head != nullptr) {
      a.weights = reinterpret_cast<const float4*>(call_.in(op_.head, op_.hiddenSize * (op_.width + 2) + 1));
      return a;
    }
    a.firstOther = pass * layout_.perPass;
    a.bias = call_.in(op_.bias + a.firstOther, op_.others - a.firstOther);
    std::vector<float> packed(static_cast<size_t>(layout_.perPass * layout_.tiles * WARP * ELEMENTS<T>));
    packWeights<T>(op_, layout_, a.firstOther, packed.data());
    a.weights = reinterpret_cast<const float4*>(call_.in(packed.data(), static_cast<int64_t>(packed.size())));
    return a;
  }

  Arguments chunkOf(Arguments a, int64_t chunk) const {
    a.firstStep = chunk * rows_.atOnce;
    a.steps = stepsOf(chunk);
    return a;
  }

  // Memory that holds the rows of one chunk; filled already when there is one chunk from the host.
  const char* placeRows() {
    if (rows_.inPlace) return static_cast<const char*>(op_.hidden);
    const int64_t bytes = rows_.atOnce * rows_.stride;
    if (rows_.resident || chunks_ > 1) return call_.scratch<char>(bytes);
    return static_cast<const char*>(call_.filled(static_cast<size_t>(bytes), gather(0)));
  }

  void bring(char* device, int64_t chunk) {
    const int64_t begin = chunk * rows_.atOnce;
    if (rows_.inPlace || op_.steps == 0) return;
    if (rows_.resident) {
      const char* from = static_cast<const char*>(op_.hidden);
      const int32_t* positions = op_.positions == nullptr ? nullptr : call_.in(op_.positions + begin, stepsOf(chunk));
      call_.launch("aligning rows", {blocksFor(stepsOf(chunk) * rows_.stride / 2, BLOCK), BLOCK}, alignRows,
                   positions == nullptr ? from + begin * rows_.bytes : from, positions, rows_.bytes, stepsOf(chunk), device, rows_.stride);
    } else if (chunks_ > 1) {
      call_.upload(device, static_cast<size_t>(stepsOf(chunk) * rows_.stride), gather(begin));
    }
  }

  // Writes bytes [at, at + size) of the rows of steps from `begin` on, as they lie on the device.
  Fill gather(int64_t begin) const {
    return [this, begin](char* host, size_t offset, size_t size) {
      int64_t at = static_cast<int64_t>(offset);
      for (const char* const end = host + size; host < end;) {
        const int64_t step = begin + at / rows_.stride;
        const int64_t within = at % rows_.stride;
        const int64_t piece = least(rows_.stride - within, end - host);
        const int64_t real = within >= rows_.bytes ? 0 : least(rows_.bytes - within, piece);
        const int64_t row = op_.positions == nullptr ? step : op_.positions[step];
        memcpy(host, static_cast<const char*>(op_.hidden) + row * rows_.bytes + within, static_cast<size_t>(real));
        memset(host + real, 0, static_cast<size_t>(piece - real));
        host += piece;
        at += piece;
      }
    };
  }

  void launchRest(const Arguments* arguments) {
    if (layout_.passes > 1) call_.launch("steps", {bucket(blocksFor(op_.steps, BLOCK)), BLOCK}, stepOutputs, arguments);
    if (op_.candidates == 0) return;
    call_.launch("candidates", {bucket(blocksFor(op_.candidates * CANDIDATE_LANES, BLOCK)), BLOCK}, candidates, arguments);
    if (op_.problems > 0) call_.launch("problems", {bucket(blocksFor(op_.problems * WARP, BLOCK)), BLOCK}, problems, arguments);
  }

  Call& call_;
  const VlprmStepScore& op_;
  const Layout layout_;
  const Rows rows_;
  int64_t chunks_ = 1;
};

}  // namespace

int stepScore(VlprmStepScore* op, char* error, size_t errorSize) {
  Call call(error, errorSize);
  if (op->dtype == VLPRM_F32) Scoring(call, *op, layoutOf<float>(*op, call)).run<float>();
  if (op->dtype == VLPRM_BF16) Scoring(call, *op, layoutOf<Bf16>(*op, call)).run<Bf16>();
  if (op->dtype == VLPRM_F16) Scoring(call, *op, layoutOf<F16>(*op, call)).run<F16>();
  return call.finish();
}

}  // namespace vlprm::cuda
