#include <algorithm>

#include "cpu/kernels.h"
#include "cpu/labelProducts.h"
#include "cpu/scratch.h"
#include "cpu/twoLayerHead.h"

namespace vlprm::cpu {

namespace {

constexpr int64_t CHUNK_BYTES = 256 * 1024;  // rows that a thread scores between two looks at the abort flag
constexpr int64_t CANDIDATE_CHUNK = 512;
constexpr int64_t PROBLEM_CHUNK = 128;
constexpr int64_t BYTES_PER_THREAD = 512 * 1024;  // below, waking another thread costs more than it saves
constexpr int64_t STEPS_PER_THREAD = 16 * 1024;

struct Memory {
  size_t packed;    // shared
  size_t perThread;
};

size_t aligned(size_t bytes) { return (bytes + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT; }

Memory memoryOf(const VlprmStepScore& op) {
  if (op.head != nullptr) {
    const TwoLayerHead head(op.head, op.width, op.hiddenSize);
    return {aligned(panelBytes(head)), aligned(TileMemory::bytes(head))};
  }
  const size_t packed = sizeof(float) * static_cast<size_t>(op.others * roundUp(op.width, STRIPE));
  return {aligned(packed), aligned(sizeof(double) * static_cast<size_t>(op.others * STEP_BLOCK))};
}

// Multiply-adds of a head count as bytes read: about as many are done in the time.
int64_t rowCost(const VlprmStepScore& op) {
  const int64_t bytes = op.width * (op.dtype == VLPRM_F32 ? 4 : 2);
  return op.head == nullptr ? bytes * op.others : bytes + op.width * op.hiddenSize;
}

}  // namespace

bool stepScore(VlprmStepScore& op, const Control& control) {
  const StepScoreKernels& run = *kernelsOf(control).stepScore;
  const int64_t cost = rowCost(op);
  const int64_t stepChunk = roundUp(CHUNK_BYTES / cost + 1, STEP_BLOCK);
  const int64_t chunks = (op.steps + stepChunk - 1) / stepChunk;
  const int threads = static_cast<int>(std::min<int64_t>(threadsFor(control, op.steps * cost, BYTES_PER_THREAD), chunks));
  const int candidateThreads = threadsFor(control, op.steps, STEPS_PER_THREAD);
  const Memory memory = memoryOf(op);
  const ScratchMemory scratch = scratchMemory(memory.packed + static_cast<size_t>(threads) * memory.perThread);
  float* packed = reinterpret_cast<float*>(scratch.get());
  run.pack(op, packed);
  return forEachRange(op.steps, stepChunk, threads, control,
                      [&](int thread, int64_t begin, int64_t end) {
                        run.steps(op, packed, scratch.get() + memory.packed + static_cast<size_t>(thread) * memory.perThread, begin, end);
                      }) &&
         forEachRange(op.candidates, CANDIDATE_CHUNK, candidateThreads, control,
                      [&](int, int64_t begin, int64_t end) { run.candidates(op, begin, end); }) &&
         forEachRange(op.problems, PROBLEM_CHUNK, candidateThreads, control, [&](int, int64_t begin, int64_t end) { run.problems(op, begin, end); });
}

}  // namespace vlprm::cpu
