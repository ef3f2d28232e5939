// stepScore on the device. Host arrays are uploaded, scored and read back within one call.
//
//   logits     [steps]      a warp per step row; lane l sums elements l, l + 32, ...; the xor shuffle tree adds the lanes.
//                           The order depends on the width alone, so a score does not depend on the grid or the batch.
//   steps      [steps]      a thread per step: softmax over the label differences
//   candidates [candidates] a thread per candidate, steps in order
//   problems   [problems]   a thread per problem, candidates in order
#include "cuda/call.h"
#include "cuda/simt.h"
#include "ops/stepScore.h"

namespace vlprm::cuda {

namespace {

constexpr int BLOCK = 256;
constexpr size_t CHUNK_BYTES = size_t{256} << 20;  // hidden rows on the device at a time

// --- kernels ---------------------------------------------------------------------------------------------------------

template <class T>
__device__ float warpProduct(const float* weights, const T* row, int64_t width) {
  float sum = 0;
  for (int64_t i = threadIdx.x % WARP; i < width; i += WARP) sum = fmaf(weights[i], widen(row[i]), sum);
  return sumLanes(sum);
}

// differences [count, others] = rows . hidden + bias.
template <class T>
__global__ void labelDifferences(const T* hidden, const float* rows, const double* bias, int64_t width, int64_t count,
                                 int64_t others, double* differences) {
  const int64_t step = (static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x) / WARP;
  if (step >= count) return;
  const T* row = hidden + step * width;
  for (int64_t j = 0; j < others; ++j) {
    const float product = warpProduct(rows + j * width, row, width);
    if (threadIdx.x % WARP == 0) differences[step * others + j] = product + bias[j];
  }
}

// differences [count] = w2 . relu(W1 x + b1) + b2.
__global__ void headLogits(const float* hidden, const float* head, int64_t width, int64_t hiddenSize, int64_t count,
                           double* differences) {
  const int64_t step = (static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x) / WARP;
  if (step >= count) return;
  const float* row = hidden + step * width;
  const float* bias = head + hiddenSize * width;
  const float* output = bias + hiddenSize;
  double logit = output[hiddenSize];
  for (int64_t unit = 0; unit < hiddenSize; ++unit) {
    const float activation = warpProduct(head + unit * width, row, width) + bias[unit];
    logit += static_cast<double>(activation <= 0 ? 0.0f : activation) * output[unit];
  }
  if (threadIdx.x % WARP == 0) differences[step] = logit;
}

__device__ double jointLogit(const double* u, int64_t others) {
  double smallest = INFINITY;
  for (int64_t j = 0; j < others; ++j) {
    if (isnan(u[j])) return u[j];
    smallest = fmin(smallest, u[j]);
  }
  if (!isfinite(smallest)) return smallest;
  double sum = 0;
  for (int64_t j = 0; j < others; ++j) sum += exp(smallest - u[j]);
  return smallest - log(sum);
}

__global__ void writeSteps(double* differences, int64_t steps, int64_t others, double temperature, float* logits, float* probability,
                           float* logProbability) {
  const int64_t step = static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
  if (step >= steps) return;
  double* u = differences + step * others;
  for (int64_t j = 0; j < others; ++j) u[j] /= temperature;
  const double logit = others == 1 ? u[0] : jointLogit(u, others);
  const double small = exp(-fabs(logit));
  const double log = log1p(small);
  const bool positive = logit >= 0;
  const double logPositive = positive ? -log : logit - log;
  float* logs = logProbability + step * (others + 1);
  logits[step] = static_cast<float>(logit);
  probability[step] = static_cast<float>(positive ? 1 / (1 + small) : small / (1 + small));
  logs[0] = static_cast<float>(logPositive);
  if (others == 1) {
    logs[1] = static_cast<float>(positive ? -logit - log : -log);
    return;
  }
  for (int64_t j = 0; j < others; ++j) logs[1 + j] = static_cast<float>(logPositive - u[j]);
}

struct Aggregates {
  float* of[VLPRM_AGGREGATES];
};

__device__ float smaller(float x, float y) { return x < y || isnan(x) ? x : y; }
__device__ float larger(float x, float y) { return x > y || isnan(x) ? x : y; }

__global__ void writeCandidates(const float* probability, const float* logProbability, const int32_t* offsets, int64_t candidates, int64_t labels,
                                double threshold, Aggregates aggregates, int32_t* firstError) {
  const int64_t candidate = static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
  if (candidate >= candidates) return;
  const int32_t begin = offsets[candidate];
  const int32_t end = offsets[candidate + 1];
  float min = INFINITY;
  float max = -INFINITY;
  double sum = 0;
  double logSum = 0;
  int32_t error = -1;
  for (int32_t step = begin; step < end; ++step) {
    const float p = probability[step];
    min = smaller(min, p);
    max = larger(max, p);
    sum += p;
    logSum += logProbability[step * labels];
    if (error < 0 && p < threshold) error = step - begin;
  }
  const bool empty = begin == end;
  const double count = end - begin;
  aggregates.of[VLPRM_MIN][candidate] = empty ? NAN : min;
  aggregates.of[VLPRM_MEAN][candidate] = empty ? NAN : static_cast<float>(sum / count);
  aggregates.of[VLPRM_PRODUCT][candidate] = empty ? NAN : static_cast<float>(exp(logSum));
  aggregates.of[VLPRM_LAST][candidate] = empty ? NAN : probability[end - 1];
  aggregates.of[VLPRM_MAX][candidate] = empty ? NAN : max;
  aggregates.of[VLPRM_GEOMETRIC_MEAN][candidate] = empty ? NAN : static_cast<float>(exp(logSum / count));
  firstError[candidate] = error;
}

__device__ bool votes(const float* scores, const int32_t* answers, int32_t candidate) {
  return answers[candidate] >= 0 && !isnan(scores[candidate]);
}

__device__ int32_t votedAnswer(const float* scores, const int32_t* answers, int32_t begin, int32_t end) {
  int32_t winner = -1;
  double most = -INFINITY;
  for (int32_t first = begin; first < end; ++first) {
    if (!votes(scores, answers, first)) continue;
    bool seen = false;
    for (int32_t before = begin; before < first && !seen; ++before) seen = answers[before] == answers[first] && votes(scores, answers, before);
    if (seen) continue;
    double sum = 0;
    for (int32_t candidate = first; candidate < end; ++candidate) {
      if (answers[candidate] == answers[first] && votes(scores, answers, candidate)) sum += scores[candidate];
    }
    if (sum > most) {
      winner = answers[first];
      most = sum;
    }
  }
  return winner;
}

__global__ void writeProblems(const float* scores, const int32_t* answers, const int32_t* offsets, int64_t problems, int32_t* best, int32_t* vote) {
  const int64_t problem = static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
  if (problem >= problems) return;
  const int32_t begin = offsets[problem];
  const int32_t end = offsets[problem + 1];
  int32_t winner = -1;
  for (int32_t candidate = begin; candidate < end; ++candidate) {
    if (!isnan(scores[candidate]) && (winner < 0 || scores[candidate] > scores[winner])) winner = candidate;
  }
  best[problem] = winner;
  if (vote != nullptr) vote[problem] = votedAnswer(scores, answers, begin, end);
}

// --- launcher --------------------------------------------------------------------------------------------------------

size_t elementSize(int32_t dtype) { return dtype == VLPRM_F32 ? sizeof(float) : sizeof(uint16_t); }

// Rows of steps [begin, begin + count) to the device, only those that steps name.
void uploadRows(Call& call, const VlprmStepScore& op, char* device, int64_t begin, int64_t count) {
  const size_t rowBytes = static_cast<size_t>(op.width) * elementSize(op.dtype);
  const char* rows = static_cast<const char*>(op.hidden);
  call.upload(device, static_cast<size_t>(count) * rowBytes, [&](char* host, size_t at, size_t size) {
    for (size_t done = 0; done < size;) {
      const size_t step = (at + done) / rowBytes;
      const size_t offset = (at + done) % rowBytes;
      const size_t piece = rowBytes - offset < size - done ? rowBytes - offset : size - done;
      const int64_t row = op.positions == nullptr ? begin + static_cast<int64_t>(step) : op.positions[begin + static_cast<int64_t>(step)];
      memcpy(host + done, rows + static_cast<size_t>(row) * rowBytes + offset, piece);
      done += piece;
    }
  });
}

template <class T>
void launchDifferences(Call& call, const VlprmStepScore& op, const char* hidden, const float* weights, const double* bias, int64_t count, double* into) {
  call.launch("label rows", {blocksFor(count * WARP, BLOCK), BLOCK}, labelDifferences<T>, reinterpret_cast<const T*>(hidden), weights, bias, op.width,
              count, op.others, into);
}

void launchLogits(Call& call, const VlprmStepScore& op, const char* hidden, const float* weights, const double* bias, int64_t count, double* into) {
  if (op.head != nullptr) {
    call.launch("head", {blocksFor(count * WARP, BLOCK), BLOCK}, headLogits, reinterpret_cast<const float*>(hidden), weights, op.width, op.hiddenSize,
                count, into);
  } else if (op.dtype == VLPRM_F32) {
    launchDifferences<float>(call, op, hidden, weights, bias, count, into);
  } else if (op.dtype == VLPRM_BF16) {
    launchDifferences<Bf16>(call, op, hidden, weights, bias, count, into);
  } else {
    launchDifferences<F16>(call, op, hidden, weights, bias, count, into);
  }
}

}  // namespace

int stepScore(VlprmStepScore* opAddress, char* error, size_t errorSize) {
  const VlprmStepScore& op = *opAddress;
  Call call(error, errorSize);
  const int64_t labels = op.others + 1;
  const int64_t headSize = op.hiddenSize * (op.width + 2) + 1;
  const float* weights = op.head != nullptr ? call.in(op.head, headSize) : call.in(op.rows, op.others * op.width);
  const double* bias = call.in(op.bias, op.others);
  float* logit = call.out(op.logit, op.steps);
  float* probability = call.out(op.probability, op.steps);
  float* logProbability = call.out(op.logProbability, op.steps * labels);
  double* differences = call.scratch<double>(op.steps * op.others);
  const int64_t rowBytes = op.width * static_cast<int64_t>(elementSize(op.dtype));
  const int64_t chunk = static_cast<int64_t>(CHUNK_BYTES) / rowBytes > 0 ? static_cast<int64_t>(CHUNK_BYTES) / rowBytes : 1;
  const int64_t chunkRows = op.steps < chunk ? op.steps : chunk;
  char* hidden = call.scratch<char>(chunkRows * rowBytes);
  for (int64_t begin = 0; begin < op.steps; begin += chunkRows) {
    const int64_t count = op.steps - begin < chunkRows ? op.steps - begin : chunkRows;
    uploadRows(call, op, hidden, begin, count);
    launchLogits(call, op, hidden, weights, bias, count, differences + begin * op.others);
  }
  call.launch("steps", {blocksFor(op.steps, BLOCK), BLOCK}, writeSteps, differences, op.steps, op.others, op.temperature, logit, probability,
              logProbability);
  if (op.candidates == 0) return call.finish();
  Aggregates aggregates;
  for (int k = 0; k < VLPRM_AGGREGATES; ++k) aggregates.of[k] = call.out(op.aggregates[k], op.candidates);
  call.launch("candidates", {blocksFor(op.candidates, BLOCK), BLOCK}, writeCandidates, probability, logProbability,
              call.in(op.candidateOffsets, op.candidates + 1), op.candidates, labels, op.threshold, aggregates, call.out(op.firstError, op.candidates));
  if (op.problems == 0) return call.finish();
  call.launch("problems", {blocksFor(op.problems, BLOCK), BLOCK}, writeProblems, aggregates.of[op.selectBy],
              call.in(op.answers, op.candidates), call.in(op.problemOffsets, op.problems + 1), op.problems, call.out(op.best, op.problems),
              call.out(op.vote, op.problems));
  return call.finish();
}

}  // namespace vlprm::cuda
