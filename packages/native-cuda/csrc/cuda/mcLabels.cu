// mcLabels on the device. Counts are integers, so no order of additions shows.
//
//   labelGroups  1 to 32 lanes per step, by the mean number of rollouts: 32-bit words of outcomes or of bits, counted by population count
//   countKeys    a thread per rollout: counters [steps, 4] in shared memory where they fit, else in global memory
//   labelCounts  a thread per step, from its counters
#include "cuda/call.h"
#include "cuda/simt.h"
#include "ops/mcLabels.h"
#include "ops/wilson.h"

namespace vlprm::cuda {

namespace {

constexpr int BLOCK = 256;
constexpr size_t SHARED_COUNTERS = size_t{48} << 10;  // bytes
constexpr int64_t ROLLOUTS_PER_LANE = 16;             // with more in the mean, lanes share a step
constexpr unsigned ONES = 0x01010101u;

struct Labels {
  VlprmMcLabels op;               // with addresses on the device
  unsigned long long* invalid;    // rollouts - index of the first invalid outcome; 0 when there is none
};

__device__ void meetInvalid(const Labels& labels, int64_t at) {
  atomicMax(labels.invalid, static_cast<unsigned long long>(labels.op.rollouts - at));
}

struct StepCounts {
  int correct = 0;
  int unparsable = 0;
  int failed = 0;
};

__device__ void writeStep(const VlprmMcLabels& op, int64_t step, const StepCounts& counts, int total) {
  const int completed = total - counts.failed;
  op.correct[step] = counts.correct;
  op.incorrect[step] = completed - counts.correct - counts.unparsable;
  op.unparsable[step] = counts.unparsable;
  op.failed[step] = counts.failed;
  op.rate[step] = completed == 0 ? NAN : static_cast<float>(static_cast<double>(counts.correct) / static_cast<double>(completed));
  op.label[step] = static_cast<int8_t>(stepLabel(counts.correct, completed, op.numerator, op.denominator));
  if (completed < VLPRM_INTERVAL_SIDE) {
    const float* ends = op.intervals + 2 * (completed * VLPRM_INTERVAL_SIDE + counts.correct);
    op.lower[step] = __ldg(ends);
    op.upper[step] = __ldg(ends + 1);
  } else {
    const WilsonEnds ends = wilsonEnds(counts.correct, completed, op.z);
    op.lower[step] = ends.lower;
    op.upper[step] = ends.upper;
  }
}

// --- rollouts that lie together --------------------------------------------------------------------------------------

// Word `index` of `bytes` bytes; what lies behind the last is 0. `words` is aligned to four bytes.
__device__ unsigned loadWord(const uint8_t* words, int64_t index, int64_t bytes) {
  if (4 * index + 4 <= bytes) return __ldg(reinterpret_cast<const unsigned*>(words) + index);
  unsigned word = 0;
  for (int64_t i = 4 * index; i < bytes; ++i) word |= static_cast<unsigned>(words[i]) << (8 * (i % 4));
  return word;
}

// The bits of word `index` that belong to elements [begin, end), of which a word holds PER_WORD.
template <int PER_WORD>
__device__ unsigned wordMask(int64_t index, int64_t begin, int64_t end) {
  constexpr int BITS = 32 / PER_WORD;
  const int64_t first = index * PER_WORD;
  unsigned mask = 0xffffffffu;
  if (begin > first) mask &= 0xffffffffu << (BITS * (begin - first));
  if (end < first + PER_WORD) mask &= 0xffffffffu >> (BITS * (first + PER_WORD - end));
  return mask;
}

// Four outcomes: bit 0 is set in 1 and 3, bit 1 in 2 and 3.
__device__ void addOutcomes(const Labels& labels, int64_t index, unsigned word, StepCounts& counts) {
  const unsigned low = word & ONES;
  const unsigned high = word >> 1 & ONES;
  counts.correct += __popc(low & ~high);
  counts.unparsable += __popc(high & ~low);
  counts.failed += __popc(low & high);
  const unsigned wrong = word & ~(3 * ONES);
  if (wrong != 0) meetInvalid(labels, 4 * index + (__ffs(static_cast<int>(wrong)) - 1) / 8);
}

template <bool PACKED, int LANES>
__global__ void labelGroups(Labels labels) {
  constexpr int PER_WORD = PACKED ? 32 : 4;
  const VlprmMcLabels& op = labels.op;
  const int64_t step = globalThread() / LANES;
  const bool real = step < op.steps;
  const int64_t begin = real ? op.offsets[step] : 0;
  const int64_t end = real ? op.offsets[step + 1] : 0;
  const int64_t bytes = PACKED ? (op.rollouts + 7) / 8 : op.rollouts;
  StepCounts counts;
  for (int64_t index = begin / PER_WORD + threadIdx.x % LANES; index * PER_WORD < end; index += LANES) {
    const unsigned word = loadWord(op.outcomes, index, bytes) & wordMask<PER_WORD>(index, begin, end);
    if (PACKED) {
      counts.correct += __popc(word);
    } else {
      addOutcomes(labels, index, word, counts);
    }
  }
  counts.correct = sumLanes<LANES>(counts.correct);
  if (!PACKED) {
    counts.unparsable = sumLanes<LANES>(counts.unparsable);
    counts.failed = sumLanes<LANES>(counts.failed);
  }
  if (real && threadIdx.x % LANES == 0) writeStep(op, step, counts, static_cast<int>(end - begin));
}

// Lanes whose words are aligned need aligned bytes; an array that begins elsewhere is copied.
__global__ void copyBytes(const uint8_t* from, uint8_t* to, int64_t count) {
  for (int64_t i = globalThread(); i < count; i += globalThreads()) to[i] = from[i];
}

template <bool PACKED>
void launchGroups(Call& call, const Labels& labels) {
  const int64_t shares = labels.op.rollouts / (labels.op.steps * ROLLOUTS_PER_LANE * (PACKED ? 8 : 1));
  const auto launch = [&](int lanes, void (*kernel)(Labels)) {
    call.launch("labels of groups", {blocksFor(labels.op.steps * lanes, BLOCK), BLOCK}, kernel, labels);
  };
  if (shares < 2) return launch(1, labelGroups<PACKED, 1>);
  if (shares < 8) return launch(4, labelGroups<PACKED, 4>);
  return launch(32, labelGroups<PACKED, 32>);
}

// --- rollouts in any order -------------------------------------------------------------------------------------------

__device__ void countKey(const Labels& labels, int* counters, int64_t i) {
  const uint8_t outcome = labels.op.outcomes[i];
  if (outcome > 3) meetInvalid(labels, i);
  atomicAdd(counters + 4 * static_cast<int64_t>(labels.op.keys[i]) + (outcome & 3), 1);
}

__global__ void countKeys(Labels labels, int* counters) {
  for (int64_t i = globalThread(); i < labels.op.rollouts; i += globalThreads()) countKey(labels, counters, i);
}

// Atomics on neighbouring counters would wait for one another: each block counts for itself first.
__global__ void countFewKeys(Labels labels, int* counters) {
  DYNAMIC_SHARED(int, own);
  const int64_t size = 4 * labels.op.steps;
  for (int64_t k = threadIdx.x; k < size; k += blockDim.x) own[k] = 0;
  __syncthreads();
  for (int64_t i = globalThread(); i < labels.op.rollouts; i += globalThreads()) countKey(labels, own, i);
  __syncthreads();
  for (int64_t k = threadIdx.x; k < size; k += blockDim.x) {
    if (own[k] != 0) atomicAdd(counters + k, own[k]);
  }
}

__global__ void labelCounts(Labels labels, const int4* counters) {
  const int64_t step = globalThread();
  if (step >= labels.op.steps) return;
  const int4 counted = counters[step];
  StepCounts counts;
  counts.correct = counted.y;
  counts.unparsable = counted.z;
  counts.failed = counted.w;
  writeStep(labels.op, step, counts, counted.x + counted.y + counted.z + counted.w);
}

void launchKeys(Call& call, const Labels& labels) {
  int* counters = call.scratch<int>(4 * labels.op.steps);
  const size_t bytes = static_cast<size_t>(labels.op.steps) * sizeof(int4);
  call.zero(counters, bytes);
  const bool few = bytes <= SHARED_COUNTERS;
  const unsigned needed = blocksFor(labels.op.rollouts, 4 * BLOCK);
  const unsigned most = static_cast<unsigned>(call.processors()) * (few ? 4u : 32u);
  const unsigned blocks = needed < most ? needed : most;
  if (few) {
    call.launch("counts by key", {blocks, BLOCK, bytes}, countFewKeys, labels, counters);
  } else {
    call.launch("counts by key", {blocks, BLOCK}, countKeys, labels, counters);
  }
  call.launch("labels of keys", {blocksFor(labels.op.steps, BLOCK), BLOCK}, labelCounts, labels, reinterpret_cast<const int4*>(counters));
}

const uint8_t* alignedOutcomes(Call& call, const VlprmMcLabels& op) {
  const int64_t bytes = op.form == VLPRM_PACKED ? (op.rollouts + 7) / 8 : op.rollouts;
  const uint8_t* outcomes = call.in(op.outcomes, bytes);
  if (reinterpret_cast<uintptr_t>(outcomes) % 4 == 0) return outcomes;
  uint8_t* aligned = call.scratch<uint8_t>(bytes);
  call.launch("alignment of outcomes", {blocksFor(bytes, 16 * BLOCK), BLOCK}, copyBytes, outcomes, aligned, bytes);
  return aligned;
}

}  // namespace

int mcLabels(VlprmMcLabels* op, char* error, size_t errorSize) {
  op->invalid = -1;
  if (op->steps == 0) return VLPRM_CUDA_OK;
  Call call(error, errorSize);
  Labels labels = {*op, call.scratch<unsigned long long>(1)};
  VlprmMcLabels& device = labels.op;
  const int64_t intervals = int64_t{2} * VLPRM_INTERVAL_SIDE * VLPRM_INTERVAL_SIDE;
  device.outcomes = alignedOutcomes(call, *op);
  device.offsets = call.in(op->offsets, op->form == VLPRM_KEYED ? 0 : op->steps + 1);
  device.keys = call.in(op->keys, op->form == VLPRM_KEYED ? op->rollouts : 0);
  device.intervals = call.in(op->intervals, intervals);
  device.correct = call.out(op->correct, op->steps);
  device.incorrect = call.out(op->incorrect, op->steps);
  device.unparsable = call.out(op->unparsable, op->steps);
  device.failed = call.out(op->failed, op->steps);
  device.rate = call.out(op->rate, op->steps);
  device.lower = call.out(op->lower, op->steps);
  device.upper = call.out(op->upper, op->steps);
  device.label = call.out(op->label, op->steps);
  call.zero(labels.invalid, sizeof *labels.invalid);
  if (op->form == VLPRM_KEYED) {
    launchKeys(call, labels);
  } else if (op->form == VLPRM_PACKED) {
    launchGroups<true>(call, labels);
  } else {
    launchGroups<false>(call, labels);
  }
  unsigned long long invalid = 0;
  call.download(&invalid, labels.invalid, sizeof invalid);
  if (invalid != 0) op->invalid = op->rollouts - static_cast<int64_t>(invalid);
  return call.finish();
}

}  // namespace vlprm::cuda
