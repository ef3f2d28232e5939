#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/linearLoss.h"
#include "cpu/scratch.h"
#include "cpu/twoLayerLoss.h"

namespace vlprm::cpu {

namespace {

// A minibatch of common size stays whole. Each chunk sums into memory of its own, so large heads get fewer chunks.
constexpr int64_t CHUNK_ROWS = 1024;
constexpr int64_t MOST_SUM_BYTES = int64_t{256} << 20;
constexpr int64_t BYTES_PER_THREAD = 512 * 1024;  // below, waking another thread costs more than it saves
constexpr int64_t REDUCED = 1 << 14;              // parameters whose sums are added at a time

// Multiply-adds of a head count as bytes read: about as many are done in the time.
int64_t rowCost(const VlprmStepLoss& op) { return op.width * ((op.dtype == VLPRM_F32 ? 4 : 2) + 3 * op.hiddenSize); }

int64_t chunksOf(const VlprmStepLoss& op) {
  const int64_t sumBytes = lossParameters(op) * static_cast<int64_t>(sizeof(double));
  const int64_t wanted = (op.count + CHUNK_ROWS - 1) / CHUNK_ROWS;
  return std::max<int64_t>(1, std::min(wanted, MOST_SUM_BYTES / sumBytes));
}

// Chunk bounds depend on shapes alone; a trace stays in the chunk that it begins in.
std::vector<LossChunk> chunked(const VlprmStepLoss& op, double* sums) {
  const int64_t count = chunksOf(op);
  std::vector<LossChunk> chunks;
  LossChunk chunk = {0, 0, 0, sums, 0};
  for (int64_t k = 0; k < count; ++k) {
    chunk.begin = chunk.end;
    chunk.end = (k + 1) * op.count / count;
    int64_t trace = chunk.firstTrace;
    if (op.loss == VLPRM_PQM) {
      trace = std::lower_bound(op.traceOffsets, op.traceOffsets + op.traces, chunk.end) - op.traceOffsets;
      chunk.end = op.traceOffsets[trace];
    }
    chunks.push_back(chunk);
    chunk.firstTrace = trace;
    chunk.sums += lossParameters(op);
  }
  return chunks;
}

// Sums of all chunks in chunk order, over the weight.
bool reduce(const VlprmStepLoss& op, const std::vector<LossChunk>& chunks, int threads, const Control& control) {
  const int64_t size = lossParameters(op);
  const double scale = op.weightSum > 0 ? 1 / op.weightSum : 0;
  return forEachRange(size, REDUCED, threads, control, [&](int, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double sum = chunks[0].sums[i];
      for (size_t k = 1; k < chunks.size(); ++k) sum += chunks[k].sums[i];
      op.gradient[i] = static_cast<float>(sum * scale);
    }
  });
}

}  // namespace

int64_t lossParameters(const VlprmStepLoss& op) { return op.hiddenSize == 0 ? op.width + 1 : op.hiddenSize * (op.width + 2) + 1; }

size_t stepLossScratch(const VlprmStepLoss& op, int64_t rows) {
  Arena arena(nullptr);
  const LossRows gathered(arena, rows);
  if (op.hiddenSize == 0) {
    const LinearLoss<F32> head(op, nullptr, arena);
  } else {
    const TwoLayerLoss<F32> head(op, nullptr, arena);
  }
  return arena.used();
}

bool stepLoss(VlprmStepLoss& op, const Control& control) {
  const Kernels& isa = kernelsOf(control);
  const ScratchMemory sums = scratchMemory(static_cast<size_t>(chunksOf(op) * lossParameters(op)) * sizeof(double));
  std::vector<LossChunk> chunks = chunked(op, reinterpret_cast<double*>(sums.get()));
  const int64_t count = static_cast<int64_t>(chunks.size());
  int64_t longest = 0;
  for (const LossChunk& chunk : chunks) longest = std::max(longest, chunk.end - chunk.begin);
  const int threads = static_cast<int>(std::min<int64_t>(threadsFor(control, op.count * rowCost(op), BYTES_PER_THREAD), count));
  const size_t perThread = stepLossScratch(op, longest);
  const ScratchMemory scratch = scratchMemory(static_cast<size_t>(threads) * perThread);
  const bool computed = forEachChunk(count, threads, control, [&](int64_t chunk, int thread) {
    isa.stepLoss(op, chunks[static_cast<size_t>(chunk)], scratch.get() + static_cast<size_t>(thread) * perThread);
  });
  if (!computed || !reduce(op, chunks, threads, control)) return false;
  double loss = 0;
  for (const LossChunk& chunk : chunks) loss += chunk.loss;
  op.meanLoss = op.weightSum > 0 ? loss / op.weightSum : NAN;
  return true;
}

}  // namespace vlprm::cpu
