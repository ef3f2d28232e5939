// stepLoss on the device. Masked rows are left out on the host: kernels see the others alone, in the order of the minibatch.
//
//   linearLoss       a block per chunk of rows, 8 rows at a time: products, slopes, weighted sum of the rows, which are read once
//   matrixProduct    for a two-layer head: activations, gradient of W1 per chunk, feature gradient
//   rowSlopes        a thread per row; traceSlopes a thread per trace ('pqm', whose rows are read twice: no slope is known before every
//                    logit of the trace is)
//   reduceGradient   partial sums of the chunks in chunk order, in f64
//
// Chunks depend on shapes alone, so no bit depends on the device or its grid; no float is added atomically.
#include <vector>

#include "cuda/call.h"
#include "cuda/matrixProduct.h"
#include "cuda/vectors.h"
#include "ops/lossTerms.h"

namespace vlprm::cuda {

namespace {

constexpr int BLOCK = 256;
constexpr int WARPS = BLOCK / WARP;
constexpr int64_t TILE = WARPS;           // rows whose gradient is added at a time: a warp each
constexpr int64_t WANTED_CHUNKS = 264;    // two blocks for each of the 132 processors of an H200
constexpr int64_t MOST_CHUNK_ROWS = 512;  // keeps f32 sums short
constexpr int64_t MOST_PARTIAL_BYTES = int64_t{256} << 20;

// Unmasked rows of the minibatch, as kernels see them.
template <class T>
struct Rows {
  const T* features;
  const int32_t* rows;  // [count] of the features; null = in order
  int64_t width;
  int64_t count;
  int64_t chunkRows;
  bool whole;  // rows consist of aligned vectors

  __device__ const T* row(int64_t i) const { return features + (rows == nullptr ? i : rows[i]) * width; }
};

// What turns logits into slopes. Rows: targets and weights [count]; traces: also offsets [traces + 1] and weights [traces].
struct Terms {
  const double* targets;
  const double* weights;
  const int32_t* traceOffsets;
  const double* traceWeights;
  double margin;
  int32_t loss;
  double* logits;   // [count]
  double* slopes;   // [count], of traces
  float* weighted;  // [count] out: slope times weight
  double* losses;   // [count] or [traces] out: weighted
  double* sums;     // [chunks] out: of the losses of rows
};

// --- slopes ----------------------------------------------------------------------------------------------------------

__device__ double rowSlope(const Terms& terms, int64_t i, double logit) {
  const LossTerm term = rowLoss(terms.loss, logit, terms.targets[i]);
  terms.weighted[i] = static_cast<float>(terms.weights[i] * term.slope);
  return terms.weights[i] * term.loss;
}

__global__ void rowSlopes(Terms terms, int64_t count) {
  const int64_t i = globalThread();
  if (i < count) terms.losses[i] = rowSlope(terms, i, terms.logits[i]);
}

// The sum of each chunk's losses, a thread per chunk.
__global__ void sumLosses(Terms terms, int64_t count, int64_t chunkRows) {
  const int64_t chunk = globalThread();
  if (chunk * chunkRows >= count) return;
  double sum = 0;
  for (int64_t i = chunk * chunkRows; i < min((chunk + 1) * chunkRows, count); ++i) sum += terms.losses[i];
  terms.sums[chunk] = sum;
}

__global__ void traceSlopes(Terms terms, int64_t traces) {
  const int64_t trace = globalThread();
  if (trace >= traces) return;
  const int64_t begin = terms.traceOffsets[trace];
  const int64_t count = terms.traceOffsets[trace + 1] - begin;
  const double weight = terms.traceWeights[trace];
  terms.losses[trace] = count == 0 ? 0 : weight * rankTrace({count, terms.logits + begin, terms.targets + begin, terms.slopes + begin}, terms.margin);
  for (int64_t i = begin; i < begin + count; ++i) terms.weighted[i] = static_cast<float>(weight * terms.slopes[i]);
}

// --- linear head -----------------------------------------------------------------------------------------------------

// Four weights of a vector at a time, [quarters, vectors]: neighbouring lanes find theirs next to one another.
template <class T>
__device__ void stageWeights(const float* head, int64_t width, int64_t vectors, float4* weights) {
  for (int64_t i = threadIdx.x; i < vectors * (VECTOR<T> / 4); i += blockDim.x) {
    const int64_t at = i % vectors * VECTOR<T> + i / vectors * 4;
    const auto weight = [&](int64_t k) { return k < width ? head[k] : 0.0f; };
    weights[i] = {weight(at), weight(at + 1), weight(at + 2), weight(at + 3)};
  }
}

__device__ __forceinline__ float4 multiplyAdd(float scale, const float4& x, const float4& sum) {
  return {fmaf(scale, x.x, sum.x), fmaf(scale, x.y, sum.y), fmaf(scale, x.z, sum.z), fmaf(scale, x.w, sum.w)};
}

// Columns [column, column + 4) of a partial sum, those that there are.
__device__ __forceinline__ void writePartial(float* partial, int64_t width, int64_t column, const float4& sums) {
  const float of[4] = {sums.x, sums.y, sums.z, sums.w};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    if (column + k < width) partial[column + k] = of[k];
  }
}

template <class T>
__device__ __forceinline__ float4 quarter(const Elements<T>& x, int q) {
  return {widen(x.of[4 * q]), widen(x.of[4 * q + 1]), widen(x.of[4 * q + 2]), widen(x.of[4 * q + 3])};
}

// Minibatch whose rows are read twice: 'pqm', or rows too wide for linearLoss. Same order of sums, hence the same bits.

// A warp per row.
template <class T>
__global__ void __launch_bounds__(BLOCK) linearLogits(Rows<T> rows, const float* head, int64_t vectors, double* logits) {
  const int64_t row = globalThread() / WARP;
  if (row >= rows.count) return;
  float sum = 0;
#pragma unroll 4
  for (int64_t v = threadIdx.x % WARP; v < vectors; v += WARP) {
    const Elements<T> x = elementsOf<T>(loadVector(rows.row(row), v, rows.width, rows.whole));
#pragma unroll
    for (int e = 0; e < VECTOR<T>; ++e) {
      const int64_t column = v * VECTOR<T> + e;
      sum = fmaf(column < rows.width ? head[column] : 0.0f, widen(x.of[e]), sum);
    }
  }
  sum = sumLanes(sum);
  if (threadIdx.x % WARP == 0) logits[row] = static_cast<double>(sum) + head[rows.width];
}

// partials [chunks, width + 1]: a thread per vector of columns (blockIdx.y) and chunk (blockIdx.x).
template <class T>
__global__ void __launch_bounds__(BLOCK) weighRows(Rows<T> rows, int64_t vectors, const float* weighted, float* partials) {
  const int64_t v = static_cast<int64_t>(blockIdx.y) * BLOCK + threadIdx.x;
  if (v > vectors) return;
  const int64_t begin = blockIdx.x * rows.chunkRows;
  const int64_t end = min(begin + rows.chunkRows, rows.count);
  float* partial = partials + blockIdx.x * (rows.width + 1);
  float4 sums[VECTOR<T> / 4] = {};
  float biasSum = 0;
  for (int64_t i = begin; i < end; ++i) {
    biasSum += weighted[i];
    if (v == vectors) continue;
    const Elements<T> x = elementsOf<T>(loadVector(rows.row(i), v, rows.width, rows.whole));
#pragma unroll
    for (int q = 0; q < VECTOR<T> / 4; ++q) sums[q] = multiplyAdd(weighted[i], quarter(x, q), sums[q]);
  }
  if (v == vectors) {
    partial[rows.width] = biasSum;
    return;
  }
#pragma unroll
  for (int q = 0; q < VECTOR<T> / 4; ++q) writePartial(partial, rows.width, v * VECTOR<T> + 4 * q, sums[q]);
}

// A block per chunk and 8 rows at a time, which stay in shared memory between product and sum. partials [chunks, width + 1].
// Shared memory: weights and sums [quarters, vectors], rows [TILE, vectors].
template <class T>
__global__ void __launch_bounds__(BLOCK, 2) linearLoss(Rows<T> rows, const float* head, int64_t vectors, Terms terms, float* partials) {
  constexpr int QUARTERS = VECTOR<T> / 4;
  DYNAMIC_SHARED(float4, weights);
  __shared__ float slopes[TILE];
  __shared__ double losses[TILE];
  float4* const sums = weights + vectors * QUARTERS;
  uint4* const tile = reinterpret_cast<uint4*>(sums + vectors * QUARTERS);
  const int lane = threadIdx.x % WARP;
  const int warp = threadIdx.x / WARP;
  const int64_t end = min((blockIdx.x + int64_t{1}) * rows.chunkRows, rows.count);
  stageWeights<T>(head, rows.width, vectors, weights);
  for (int64_t i = threadIdx.x; i < vectors * QUARTERS; i += BLOCK) sums[i] = {0, 0, 0, 0};
  double loss = 0;
  float biasSum = 0;
  for (int64_t first = blockIdx.x * rows.chunkRows; first < end; first += TILE) {
    const int64_t count = min(TILE, end - first);
    __syncthreads();
    if (warp < count) {
      float sum = 0;
#pragma unroll 4
      for (int64_t v = lane; v < vectors; v += WARP) {
        const uint4 bits = loadVector(rows.row(first + warp), v, rows.width, rows.whole);
        tile[warp * vectors + v] = bits;
        const Elements<T> x = elementsOf<T>(bits);
#pragma unroll
        for (int q = 0; q < QUARTERS; ++q) {
          const float4 w = weights[q * vectors + v];
          const float4 y = quarter(x, q);
          sum = fmaf(w.w, y.w, fmaf(w.z, y.z, fmaf(w.y, y.y, fmaf(w.x, y.x, sum))));
        }
      }
      sum = sumLanes(sum);
      if (lane == 0) {
        losses[warp] = rowSlope(terms, first + warp, static_cast<double>(sum) + head[rows.width]);
        slopes[warp] = terms.weighted[first + warp];
      }
    }
    __syncthreads();
    // A thread keeps to its columns.
    for (int64_t v = threadIdx.x; v < vectors; v += BLOCK) {
      float4 sum[QUARTERS];
#pragma unroll
      for (int q = 0; q < QUARTERS; ++q) sum[q] = sums[q * vectors + v];
      for (int64_t r = 0; r < count; ++r) {
        const Elements<T> x = elementsOf<T>(tile[r * vectors + v]);
#pragma unroll
        for (int q = 0; q < QUARTERS; ++q) sum[q] = multiplyAdd(slopes[r], quarter(x, q), sum[q]);
      }
#pragma unroll
      for (int q = 0; q < QUARTERS; ++q) sums[q * vectors + v] = sum[q];
    }
    for (int64_t r = 0; threadIdx.x == 0 && r < count; ++r) {
      biasSum += slopes[r];
      loss += losses[r];
    }
  }
  float* partial = partials + blockIdx.x * (rows.width + 1);
  for (int64_t v = threadIdx.x; v < vectors; v += BLOCK) {
#pragma unroll
    for (int q = 0; q < QUARTERS; ++q) writePartial(partial, rows.width, v * VECTOR<T> + 4 * q, sums[q * vectors + v]);
  }
  if (threadIdx.x != 0) return;
  partial[rows.width] = biasSum;
  terms.sums[blockIdx.x] = loss;
}

__device__ __forceinline__ void store(float* to, float value) { *to = value; }
__device__ __forceinline__ void store(Bf16* to, float value) { *to = toBf16(value); }

// Feature gradient of a linear head: slope times weights. A thread per vector of the gradient.
template <class O>
__global__ void scaleWeights(const float* head, const float* weighted, const int32_t* at, int64_t count, int64_t width, double scale, bool whole, O* gradient) {
  const int64_t vectors = (width + VECTOR<O> - 1) / VECTOR<O>;
  for (int64_t i = globalThread(); i < count * vectors; i += globalThreads()) {
    const float slope = static_cast<float>(weighted[i / vectors] * scale);
    const int64_t column = i % vectors * VECTOR<O>;
    O* to = gradient + at[i / vectors] * width + column;
    Elements<O> elements = {};
    for (int e = 0; e < VECTOR<O> && column + e < width; ++e) store(&elements.of[e], slope * head[column + e]);
    if (whole) {
      uint4 bits;
      memcpy(&bits, &elements, sizeof bits);
      *reinterpret_cast<uint4*>(to) = bits;
    } else {
      for (int e = 0; e < VECTOR<O> && column + e < width; ++e) to[e] = elements.of[e];
    }
  }
}

// --- two-layer head --------------------------------------------------------------------------------------------------

struct HeadView {
  const float* parameters;
  int64_t width;
  int64_t hiddenSize;

  __device__ const float* hiddenBias() const { return parameters + hiddenSize * width; }
  __device__ const float* outputWeights() const { return hiddenBias() + hiddenSize; }
};

// Operands and results of the products; (i, k) for a left operand, (k, j) for a right one.
template <class T>
struct InputOfRow {
  static constexpr bool ALONG_INNER = true;
  Rows<T> rows;
  __device__ float operator()(int64_t i, int64_t k) const { return widen(rows.row(i)[k]); }
};
struct WeightOfUnit {
  static constexpr bool ALONG_INNER = true;
  HeadView head;
  __device__ float operator()(int64_t k, int64_t unit) const { return head.parameters[unit * head.width + k]; }
};
struct WriteActivation {
  HeadView head;
  float* activations;
  __device__ void operator()(int64_t i, int64_t unit, float product) const { activations[i * head.hiddenSize + unit] = product + head.hiddenBias()[unit]; }
};
struct DerivativeOfUnit {
  static constexpr bool ALONG_INNER = false;
  const float* derivatives;
  int64_t hiddenSize;
  __device__ float operator()(int64_t unit, int64_t k) const { return derivatives[k * hiddenSize + unit]; }
};
template <class T>
struct InputOfColumn {
  static constexpr bool ALONG_INNER = false;
  Rows<T> rows;
  __device__ float operator()(int64_t k, int64_t column) const { return widen(rows.row(k)[column]); }
};
struct WritePartial {
  float* partials;
  int64_t width;
  int64_t parameters;
  __device__ void operator()(int64_t unit, int64_t column, float product) const { partials[blockIdx.z * parameters + unit * width + column] = product; }
};
struct DerivativeOfRow {
  static constexpr bool ALONG_INNER = true;
  const float* derivatives;
  int64_t hiddenSize;
  __device__ float operator()(int64_t i, int64_t unit) const { return derivatives[i * hiddenSize + unit]; }
};
struct WeightOfColumn {
  static constexpr bool ALONG_INNER = false;
  HeadView head;
  __device__ float operator()(int64_t unit, int64_t column) const { return head.parameters[unit * head.width + column]; }
};
template <class O>
struct WriteFeatureGradient {
  O* gradient;
  const int32_t* at;
  int64_t width;
  float scale;
  __device__ void operator()(int64_t i, int64_t column, float product) const { store(gradient + at[i] * width + column, product * scale); }
};

// A warp per row: w2 . relu(activations) + b2.
__global__ void headLogits(HeadView head, const float* activations, int64_t count, double* logits) {
  const int64_t row = globalThread() / WARP;
  if (row >= count) return;
  const float* weights = head.outputWeights();
  double sum = 0;
  for (int64_t unit = threadIdx.x % WARP; unit < head.hiddenSize; unit += WARP) {
    const float activation = activations[row * head.hiddenSize + unit];
    sum += static_cast<double>(activation <= 0 ? 0.0f : activation) * weights[unit];  // NaN is not compared away
  }
  sum = sumLanes(sum);
  if (threadIdx.x % WARP == 0) logits[row] = sum + weights[head.hiddenSize];
}

// A thread per unit and chunk of rows: turns activations into derivatives times slopes, and sums the gradients of b1, w2 and b2.
__global__ void backUnits(HeadView head, const float* weighted, int64_t count, int64_t chunkRows, float* activations, float* partials) {
  const int64_t unit = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (unit > head.hiddenSize) return;
  const int64_t begin = blockIdx.y * chunkRows;
  const int64_t end = min(begin + chunkRows, count);
  float* partial = partials + blockIdx.y * (head.hiddenSize * (head.width + 2) + 1) + head.hiddenSize * head.width;
  if (unit == head.hiddenSize) {
    float sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += weighted[i];
    partial[2 * head.hiddenSize] = sum;
    return;
  }
  const float weight = head.outputWeights()[unit];
  float biasSum = 0;
  float outputSum = 0;
  for (int64_t i = begin; i < end; ++i) {
    float& activation = activations[i * head.hiddenSize + unit];
    const bool active = !(activation <= 0);
    outputSum += active ? weighted[i] * activation : 0.0f;
    activation = active ? weighted[i] * weight : 0.0f;
    biasSum += activation;
  }
  partial[unit] = biasSum;
  partial[head.hiddenSize + unit] = outputSum;
}

// --- reductions ------------------------------------------------------------------------------------------------------

constexpr int GROUPS = BLOCK / WARP;

// gradient [size] = scale * sum of partials [chunks, size]: a block takes 32 columns and cuts the chunks into GROUPS ranges.
__global__ void __launch_bounds__(BLOCK) reduceGradient(const float* partials, int64_t chunks, int64_t size, double scale, float* gradient) {
  __shared__ double sums[GROUPS][WARP];
  const int lane = threadIdx.x % WARP;
  const int group = threadIdx.x / WARP;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * WARP + lane;
  double sum = 0;
  if (column < size) {
#pragma unroll 4
    for (int64_t chunk = group * chunks / GROUPS; chunk < (group + 1) * chunks / GROUPS; ++chunk) sum += partials[chunk * size + column];
  }
  sums[group][lane] = sum;
  __syncthreads();
  if (group != 0 || column >= size) return;
  for (int k = 1; k < GROUPS; ++k) sum += sums[k][lane];
  gradient[column] = static_cast<float>(sum * scale);
}

// One block.
__global__ void __launch_bounds__(BLOCK) meanOf(const double* losses, int64_t count, double weightSum, double* mean) {
  __shared__ double sums[GROUPS];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += BLOCK) sum += losses[i];
  sum = sumLanes(sum);
  if (threadIdx.x % WARP == 0) sums[threadIdx.x / WARP] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int k = 1; k < GROUPS; ++k) sum += sums[k];
  *mean = sum / weightSum;  // NaN when nothing weighs
}

// --- launcher --------------------------------------------------------------------------------------------------------

// What the host leaves of the minibatch.
struct Unmasked {
  std::vector<int32_t> at, rows, traceOffsets;
  std::vector<double> targets, weights;

  explicit Unmasked(const VlprmStepLoss& op) {
    for (int64_t i = 0, trace = 0; i < op.count; ++i) {
      for (; op.loss == VLPRM_PQM && op.traceOffsets[trace] <= i; ++trace) traceOffsets.push_back(static_cast<int32_t>(at.size()));
      if (op.weights[i] == 0) continue;
      at.push_back(static_cast<int32_t>(i));
      rows.push_back(op.rowIndices == nullptr ? static_cast<int32_t>(i) : op.rowIndices[i]);
      targets.push_back(op.targets[i]);
      weights.push_back(op.weights[i]);
    }
    traceOffsets.resize(static_cast<size_t>(op.traces) + 1, static_cast<int32_t>(at.size()));
  }
  int64_t count() const { return static_cast<int64_t>(at.size()); }
};

template <class T>
const T* inVector(Call& call, const std::vector<T>& values) {
  return call.in(values.data(), static_cast<int64_t>(values.size()));
}

// Rows to the device in the order of the minibatch, only those that count.
template <class T>
const T* uploadRows(Call& call, const T* features, const std::vector<int32_t>& rows, int64_t width) {
  const size_t rowBytes = static_cast<size_t>(width) * sizeof(T);
  T* device = call.scratch<T>(static_cast<int64_t>(rows.size()) * width);
  call.upload(device, rows.size() * rowBytes, [&](char* host, size_t at, size_t size) {
    for (size_t done = 0; done < size;) {
      const size_t offset = (at + done) % rowBytes;
      const size_t piece = rowBytes - offset < size - done ? rowBytes - offset : size - done;
      const size_t row = static_cast<size_t>(rows[(at + done) / rowBytes]);
      memcpy(host + done, reinterpret_cast<const char*>(features) + row * rowBytes + offset, piece);
      done += piece;
    }
  });
  return device;
}

template <class T>
class LossCall {
 public:
  LossCall(Call& call, VlprmStepLoss& op)
      : call_(call), op_(op), unmasked_(op), count_(unmasked_.count()), parameters_(op.hiddenSize == 0 ? op.width + 1 : op.hiddenSize * (op.width + 2) + 1) {}

  void run() {
    stage();
    float* gradient = call_.out(op_.gradient, parameters_);
    double* meanLoss = call_.out(&op_.meanLoss, 1);
    clearMasked();
    if (count_ > 0 && op_.hiddenSize == 0) linear();
    if (count_ > 0 && op_.hiddenSize > 0) twoLayer();
    const double scale = op_.weightSum > 0 ? 1 / op_.weightSum : 0;
    call_.launch("gradient", {blocksFor(parameters_, WARP), BLOCK}, reduceGradient, partials_, chunks_, parameters_, scale, gradient);
    call_.launch("loss", {1, BLOCK}, meanOf, ranked() ? terms_.losses : terms_.sums,
                 ranked() ? op_.traces : chunks_, op_.weightSum, meanLoss);
  }

 private:
  bool ranked() const { return op_.loss == VLPRM_PQM; }

  void stage() {
    int64_t chunkRows = (count_ + WANTED_CHUNKS - 1) / WANTED_CHUNKS;
    chunkRows = chunkRows > MOST_CHUNK_ROWS ? MOST_CHUNK_ROWS : (chunkRows + TILE - 1) / TILE * TILE;
    const int64_t most = MOST_PARTIAL_BYTES / (parameters_ * static_cast<int64_t>(sizeof(float)));
    const int64_t least = most > 1 ? (count_ + most - 1) / most : count_;
    if (chunkRows < least) chunkRows = (least + TILE - 1) / TILE * TILE;
    chunks_ = count_ == 0 ? 0 : (count_ + chunkRows - 1) / chunkRows;
    const T* features = static_cast<const T*>(op_.features);
    const bool resident = call_.resident(features, op_.width);
    rows_.features = resident ? features : uploadRows(call_, features, unmasked_.rows, op_.width);
    rows_.rows = resident ? inVector(call_, unmasked_.rows) : nullptr;
    rows_.width = op_.width;
    rows_.count = count_;
    rows_.chunkRows = chunkRows;
    rows_.whole = wholeVectors(rows_.features, op_.width);
    head_ = {call_.in(op_.head, parameters_), op_.width, op_.hiddenSize};
    terms_ = {inVector(call_, unmasked_.targets), inVector(call_, unmasked_.weights), inVector(call_, unmasked_.traceOffsets),
              call_.in(op_.traceWeights, op_.traces), op_.margin, op_.loss, call_.scratch<double>(count_), call_.scratch<double>(count_),
              call_.scratch<float>(count_), call_.scratch<double>(ranked() ? op_.traces : count_), call_.scratch<double>(chunks_)};
    partials_ = call_.scratch<float>(chunks_ * parameters_);
    at_ = inVector(call_, unmasked_.at);
  }

  void clearMasked() {
    if (op_.featureGradient == nullptr) return;
    const size_t bytes = static_cast<size_t>(op_.count * op_.width) * (op_.featureGradientDtype == VLPRM_F32 ? sizeof(float) : sizeof(Bf16));
    featureGradient_ = call_.out(static_cast<char*>(op_.featureGradient), static_cast<int64_t>(bytes));
    if (count_ < op_.count) call_.zero(featureGradient_, bytes);
  }

  void slopes() {
    if (ranked()) {
      call_.launch("traces", {blocksFor(op_.traces, BLOCK), BLOCK}, traceSlopes, terms_, op_.traces);
    } else {
      call_.launch("slopes", {blocksFor(count_, BLOCK), BLOCK}, rowSlopes, terms_, count_);
      call_.launch("losses", {blocksFor(chunks_, WARP), WARP}, sumLosses, terms_, count_, rows_.chunkRows);
    }
  }

  void linear() {
    const int64_t vectors = (op_.width + VECTOR<T> - 1) / VECTOR<T>;
    const size_t weightBytes = static_cast<size_t>(vectors) * VECTOR<T> * sizeof(float);
    const size_t sharedBytes = 2 * weightBytes + static_cast<size_t>(TILE * vectors) * sizeof(uint4);
    if (!ranked() && sharedBytes + STATIC_SHARED <= call_.sharedLimit()) {
      call_.launch("loss", {static_cast<unsigned>(chunks_), BLOCK, sharedBytes}, linearLoss<T>, rows_, head_.parameters, vectors, terms_, partials_);
    } else {
      call_.launch("logits", {blocksFor(count_, WARPS), BLOCK}, linearLogits<T>, rows_, head_.parameters, vectors, terms_.logits);
      slopes();
      call_.launch("gradient", {dim3(static_cast<unsigned>(chunks_), blocksFor(vectors + 1, BLOCK)), BLOCK}, weighRows<T>, rows_, vectors, terms_.weighted,
                   partials_);
    }
    if (op_.featureGradient == nullptr) return;
    if (op_.featureGradientDtype == VLPRM_F32) scaledWeights<float>();
    if (op_.featureGradientDtype == VLPRM_BF16) scaledWeights<Bf16>();
  }

  template <class O>
  void scaledWeights() {
    O* gradient = reinterpret_cast<O*>(featureGradient_);
    const int64_t vectors = count_ * ((op_.width + VECTOR<O> - 1) / VECTOR<O>);
    const int64_t most = int64_t{call_.processors()} * 8;
    const int64_t blocks = blocksFor(vectors, BLOCK);
    call_.launch("feature gradient", {static_cast<unsigned>(blocks < most ? blocks : most), BLOCK}, scaleWeights<O>, head_.parameters, terms_.weighted, at_,
                 count_, op_.width, 1 / op_.weightSum, wholeVectors(gradient, op_.width), gradient);
  }

  template <class Left, class Right, class Out>
  void product(const char* what, const ProductShape& shape, Left left, Right right, Out out) {
    call_.launch(what, {productBlocks(shape), PRODUCT_BLOCK}, matrixProduct<Left, Right, Out>, shape, left, right, out);
  }

  void twoLayer() {
    const int64_t units = op_.hiddenSize;
    float* activations = call_.scratch<float>(count_ * units);
    product("activations", {count_, units, op_.width, op_.width}, InputOfRow<T>{rows_}, WeightOfUnit{head_}, WriteActivation{head_, activations});
    call_.launch("logits", {blocksFor(count_, WARPS), BLOCK}, headLogits, head_, activations, count_, terms_.logits);
    slopes();
    call_.launch("units", {dim3(blocksFor(units + 1, BLOCK), static_cast<unsigned>(chunks_)), BLOCK}, backUnits, head_, terms_.weighted, count_,
                 rows_.chunkRows, activations, partials_);
    product("gradient", {units, op_.width, count_, rows_.chunkRows}, DerivativeOfUnit{activations, units}, InputOfColumn<T>{rows_},
            WritePartial{partials_, op_.width, parameters_});
    if (op_.featureGradient == nullptr) return;
    if (op_.featureGradientDtype == VLPRM_F32) featureProduct<float>(activations);
    if (op_.featureGradientDtype == VLPRM_BF16) featureProduct<Bf16>(activations);
  }

  template <class O>
  void featureProduct(const float* derivatives) {
    const int64_t units = op_.hiddenSize;
    const WriteFeatureGradient<O> out = {reinterpret_cast<O*>(featureGradient_), at_, op_.width, static_cast<float>(1 / op_.weightSum)};
    product("feature gradient", {count_, op_.width, units, units}, DerivativeOfRow{derivatives, units}, WeightOfColumn{head_}, out);
  }

  static constexpr size_t STATIC_SHARED = 1024;  // at least what linearLoss declares besides

  Call& call_;
  VlprmStepLoss& op_;
  const Unmasked unmasked_;
  const int64_t count_;
  const int64_t parameters_;
  int64_t chunks_ = 0;
  Rows<T> rows_ = {};
  HeadView head_ = {};
  Terms terms_ = {};
  float* partials_ = nullptr;
  const int32_t* at_ = nullptr;
  char* featureGradient_ = nullptr;
};

}  // namespace

int stepLoss(VlprmStepLoss* op, char* error, size_t errorSize) {
  Call call(error, errorSize);
  if (op->dtype == VLPRM_F32) {
    LossCall<float>(call, *op).run();
  } else if (op->dtype == VLPRM_BF16) {
    LossCall<Bf16>(call, *op).run();
  } else {
    LossCall<F16>(call, *op).run();
  }
  return call.finish();
}

}  // namespace vlprm::cuda
