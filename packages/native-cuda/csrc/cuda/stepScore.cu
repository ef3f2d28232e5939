// stepScore on the device. Host arrays are uploaded, scored and read back within one call.
//
//   logits     [steps]      a warp per step row; lane l sums elements l, l + 32, ...; the xor shuffle tree adds the lanes.
//                           The order depends on the width alone, so a score does not depend on the grid or the batch.
//   steps      [steps]      a thread per step: softmax over the label differences
//   candidates [candidates] a thread per candidate, steps in order
//   problems   [problems]   a thread per problem, candidates in order
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math.h>
#include <string.h>

#include "cuda/check.h"
#include "ops/stepScore.h"

namespace vlprm::cuda {

namespace {

constexpr int WARP = 32;
constexpr int BLOCK = 256;
constexpr size_t CHUNK_BYTES = size_t{256} << 20;  // hidden rows on the device at a time

// --- kernels ---------------------------------------------------------------------------------------------------------

__device__ float widen(float x) { return x; }
__device__ float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ float widen(__half x) { return __half2float(x); }

__device__ float warpSum(float sum) {
  for (int distance = WARP / 2; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  return sum;
}

template <class T>
__device__ float warpProduct(const float* weights, const T* row, int64_t width) {
  float sum = 0;
  for (int64_t i = threadIdx.x % WARP; i < width; i += WARP) sum += weights[i] * widen(row[i]);
  return warpSum(sum);
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

unsigned blocks(int64_t threads) { return static_cast<unsigned>((threads + BLOCK - 1) / BLOCK); }

template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }

  cudaError_t allocate(int64_t count) { return count == 0 ? cudaSuccess : cudaMalloc(&data_, count * sizeof(T)); }
  cudaError_t upload(const T* from, int64_t count) {
    const cudaError_t allocated = allocate(count);
    return allocated != cudaSuccess || count == 0 ? allocated : cudaMemcpy(data_, from, count * sizeof(T), cudaMemcpyHostToDevice);
  }
  cudaError_t download(T* to, int64_t count) const {
    return count == 0 ? cudaSuccess : cudaMemcpy(to, data_, count * sizeof(T), cudaMemcpyDeviceToHost);
  }
  T* get() const { return data_; }

 private:
  T* data_ = nullptr;
};

struct Session {
  const VlprmStepScore& op;
  const ErrorText error;
  DeviceArray<double> differences;
  DeviceArray<float> logit, probability, logProbability;
  DeviceArray<float> aggregates;  // [VLPRM_AGGREGATES, candidates]
  DeviceArray<int32_t> firstError, candidateOffsets;

  bool did(cudaError_t status, const char* what) const { return error.passed(status, what); }
  bool launched(const char* what) const { return did(cudaGetLastError(), what); }
};

size_t elementSize(int32_t dtype) { return dtype == VLPRM_F32 ? sizeof(float) : sizeof(uint16_t); }

// Rows of steps [begin, begin + count) to the device; gathered ones one by one, so that no unused row crosses the bus.
bool uploadRows(Session& s, char* device, int64_t begin, int64_t count) {
  const size_t rowBytes = s.op.width * elementSize(s.op.dtype);
  const char* host = static_cast<const char*>(s.op.hidden);
  if (s.op.positions == nullptr) return s.did(cudaMemcpy(device, host + begin * rowBytes, count * rowBytes, cudaMemcpyHostToDevice), "upload of rows");
  for (int64_t i = 0; i < count; ++i) {
    const char* row = host + s.op.positions[begin + i] * rowBytes;
    if (!s.did(cudaMemcpyAsync(device + i * rowBytes, row, rowBytes, cudaMemcpyHostToDevice), "upload of a row")) return false;
  }
  return true;
}

template <class T>
void launchDifferences(const VlprmStepScore& op, const char* hidden, const float* weights, const double* bias, int64_t count, double* into) {
  labelDifferences<T><<<blocks(count * WARP), BLOCK>>>(reinterpret_cast<const T*>(hidden), weights, bias, op.width, count, op.others, into);
}

void launchLogits(const VlprmStepScore& op, const char* hidden, const float* weights, const double* bias, int64_t count, double* into) {
  if (op.head != nullptr) {
    headLogits<<<blocks(count * WARP), BLOCK>>>(reinterpret_cast<const float*>(hidden), weights, op.width, op.hiddenSize, count, into);
  } else if (op.dtype == VLPRM_F32) {
    launchDifferences<float>(op, hidden, weights, bias, count, into);
  } else if (op.dtype == VLPRM_BF16) {
    launchDifferences<__nv_bfloat16>(op, hidden, weights, bias, count, into);
  } else {
    launchDifferences<__half>(op, hidden, weights, bias, count, into);
  }
}

bool scoreSteps(Session& s) {
  const VlprmStepScore& op = s.op;
  const int64_t headSize = op.hiddenSize * (op.width + 2) + 1;
  DeviceArray<float> weights;
  DeviceArray<double> bias;
  DeviceArray<char> hidden;
  const int64_t rowBytes = op.width * static_cast<int64_t>(elementSize(op.dtype));
  const int64_t chunk = static_cast<int64_t>(CHUNK_BYTES) / rowBytes > 0 ? static_cast<int64_t>(CHUNK_BYTES) / rowBytes : 1;
  const int64_t chunkRows = op.steps < chunk ? op.steps : chunk;
  if (!s.did(op.head != nullptr ? weights.upload(op.head, headSize) : weights.upload(op.rows, op.others * op.width), "upload of weights") ||
      !s.did(op.head != nullptr ? cudaSuccess : bias.upload(op.bias, op.others), "upload of bias") ||
      !s.did(hidden.allocate(chunkRows * rowBytes), "memory for rows") || !s.did(s.differences.allocate(op.steps * op.others), "memory for logits")) {
    return false;
  }
  for (int64_t begin = 0; begin < op.steps; begin += chunkRows) {
    const int64_t count = op.steps - begin < chunkRows ? op.steps - begin : chunkRows;
    if (!uploadRows(s, hidden.get(), begin, count)) return false;
    launchLogits(op, hidden.get(), weights.get(), bias.get(), count, s.differences.get() + begin * op.others);
    if (!s.launched("logits kernel")) return false;
  }
  const int64_t labels = op.others + 1;
  if (!s.did(s.logit.allocate(op.steps), "memory for logits") || !s.did(s.probability.allocate(op.steps), "memory for probabilities") ||
      !s.did(s.logProbability.allocate(op.steps * labels), "memory for log-probabilities")) {
    return false;
  }
  writeSteps<<<blocks(op.steps), BLOCK>>>(s.differences.get(), op.steps, op.others, op.temperature, s.logit.get(), s.probability.get(),
                                          s.logProbability.get());
  return s.launched("step kernel") && s.did(s.logit.download(op.logit, op.steps), "download of logits") &&
         s.did(s.probability.download(op.probability, op.steps), "download of probabilities") &&
         s.did(s.logProbability.download(op.logProbability, op.steps * labels), "download of log-probabilities");
}

bool aggregateCandidates(Session& s) {
  const VlprmStepScore& op = s.op;
  if (op.candidates == 0) return true;
  if (!s.did(s.candidateOffsets.upload(op.candidateOffsets, op.candidates + 1), "upload of candidates") ||
      !s.did(s.aggregates.allocate(op.candidates * VLPRM_AGGREGATES), "memory for aggregates") ||
      !s.did(s.firstError.allocate(op.candidates), "memory for first errors")) {
    return false;
  }
  Aggregates aggregates;
  for (int k = 0; k < VLPRM_AGGREGATES; ++k) aggregates.of[k] = s.aggregates.get() + k * op.candidates;
  writeCandidates<<<blocks(op.candidates), BLOCK>>>(s.probability.get(), s.logProbability.get(), s.candidateOffsets.get(), op.candidates,
                                                    op.others + 1, op.threshold, aggregates, s.firstError.get());
  if (!s.launched("candidate kernel")) return false;
  for (int k = 0; k < VLPRM_AGGREGATES; ++k) {
    const cudaError_t status = cudaMemcpy(op.aggregates[k], aggregates.of[k], op.candidates * sizeof(float), cudaMemcpyDeviceToHost);
    if (!s.did(status, "download of aggregates")) return false;
  }
  return s.did(s.firstError.download(op.firstError, op.candidates), "download of first errors");
}

bool chooseCandidates(Session& s) {
  const VlprmStepScore& op = s.op;
  if (op.problems == 0) return true;
  DeviceArray<int32_t> offsets, answers, best, vote;
  const bool voting = op.vote != nullptr;
  if (!s.did(offsets.upload(op.problemOffsets, op.problems + 1), "upload of problems") ||
      !s.did(answers.upload(op.answers, voting ? op.candidates : 0), "upload of answers") || !s.did(best.allocate(op.problems), "memory for choices") ||
      !s.did(vote.allocate(voting ? op.problems : 0), "memory for votes")) {
    return false;
  }
  writeProblems<<<blocks(op.problems), BLOCK>>>(s.aggregates.get() + op.selectBy * op.candidates, answers.get(), offsets.get(), op.problems, best.get(),
                                                vote.get());
  return s.launched("problem kernel") && s.did(best.download(op.best, op.problems), "download of choices") &&
         s.did(vote.download(op.vote, voting ? op.problems : 0), "download of votes");
}

}  // namespace

int stepScore(VlprmStepScore* op, char* error, size_t errorSize) {
  Session session{*op, {error, errorSize}, {}, {}, {}, {}, {}, {}, {}};
  const bool scored = op->steps == 0 || scoreSteps(session);
  return scored && aggregateCandidates(session) && chooseCandidates(session) ? 0 : 1;
}

}  // namespace vlprm::cuda
