#include <math.h>

#include "cpu/kernels.h"
#include "cpu/linearLoss.h"
#include "cpu/lossRows.h"
#include "cpu/twoLayerLoss.h"
#include "ops/lossTerms.h"

namespace {

// End of the rows from `begin` on whose slopes follow from their own logits: whole traces, or any rows where each stands alone.
int64_t spanEnd(const VlprmStepLoss& op, const LossRows& rows, int64_t begin, int64_t size) {
  if (op.loss != VLPRM_PQM) return begin + size < rows.count ? begin + size : rows.count;
  int64_t end = rows.traceEnd(begin);
  while (end < rows.count) {
    const int64_t next = rows.traceEnd(end);
    if (next - begin > TILE_ROWS) break;
    end = next;
  }
  return end;
}

// Slopes of rows [begin, end) from their logits; returns their weighted loss.
double rowSlopes(const VlprmStepLoss& op, const LossRows& rows, int64_t begin, int64_t end) {
  double loss = 0;
  for (int64_t r = begin; r < end; ++r) {
    const LossTerm term = rowLoss(op.loss, rows.logits[r], rows.targets[r]);
    const double weight = op.weights[rows.at[r]];
    loss += weight * term.loss;
    rows.weighted[r] = static_cast<float>(weight * term.slope);
  }
  return loss;
}

double traceSlopes(const VlprmStepLoss& op, const LossRows& rows, int64_t begin, int64_t end) {
  double loss = 0;
  for (int64_t first = begin; first < end; first = rows.traceEnd(first)) {
    const int64_t count = rows.traceEnd(first) - first;
    const double weight = op.traceWeights[rows.traces[first]];
    loss += weight * rankTrace({count, rows.logits + first, rows.targets + first, rows.slopes + first}, op.margin);
    for (int64_t r = first; r < first + count; ++r) rows.weighted[r] = static_cast<float>(weight * rows.slopes[r]);
  }
  return loss;
}

// A span of rows is read from memory once: the backward pass finds it in the cache. A trace longer than a tile is read again.
template <class Head>
double spanLoss(const VlprmStepLoss& op, Head& head, const LossRows& rows, int64_t begin, int64_t end) {
  const auto forEachTile = [&](auto call) {
    for (int64_t at = begin; at < end; at += TILE_ROWS) call(at, end - at < TILE_ROWS ? end : at + TILE_ROWS);
  };
  forEachTile([&](int64_t first, int64_t last) { head.forward(rows, first, last); });
  const double loss = op.loss == VLPRM_PQM ? traceSlopes(op, rows, begin, end) : rowSlopes(op, rows, begin, end);
  forEachTile([&](int64_t first, int64_t last) {
    if (end - begin > TILE_ROWS) head.forward(rows, first, last);
    head.backward(rows, first, last);
  });
  return loss;
}

template <class Head>
void chunkLoss(const VlprmStepLoss& op, vlprm::cpu::LossChunk& chunk, char* scratch) {
  Arena arena(scratch);
  LossRows rows(arena, chunk.end - chunk.begin);
  Head head(op, chunk.sums, arena);
  rows.gather(op, chunk);
  head.begin();
  for (int64_t begin = 0; begin < rows.count;) {
    const int64_t end = spanEnd(op, rows, begin, Head::BLOCK_ROWS);
    chunk.loss += spanLoss(op, head, rows, begin, end);
    begin = end;
  }
  head.finish();
}

template <class Dtype>
void chunkLossOf(const VlprmStepLoss& op, vlprm::cpu::LossChunk& chunk, char* scratch) {
  if (op.hiddenSize == 0) {
    chunkLoss<LinearLoss<Dtype>>(op, chunk, scratch);
  } else {
    chunkLoss<TwoLayerLoss<Dtype>>(op, chunk, scratch);
  }
}

// The feature gradient of masked rows.
void clearMasked(const VlprmStepLoss& op, const vlprm::cpu::LossChunk& chunk) {
  const int64_t rowBytes = op.width * static_cast<int64_t>(op.featureGradientDtype == VLPRM_F32 ? sizeof(float) : sizeof(uint16_t));
  for (int64_t i = chunk.begin; i < chunk.end; ++i) {
    if (op.weights[i] == 0) memset(static_cast<char*>(op.featureGradient) + i * rowBytes, 0, static_cast<size_t>(rowBytes));
  }
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

void stepLoss(const VlprmStepLoss& op, LossChunk& chunk, char* scratch) {
  memset(chunk.sums, 0, static_cast<size_t>(lossParameters(op)) * sizeof(double));
  chunk.loss = 0;
  if (op.featureGradient != nullptr) clearMasked(op, chunk);
  if (op.dtype == VLPRM_F32) {
    chunkLossOf<F32>(op, chunk, scratch);
  } else if (op.dtype == VLPRM_BF16) {
    chunkLossOf<BF16>(op, chunk, scratch);
  } else {
    chunkLossOf<F16>(op, chunk, scratch);
  }
}

}  // namespace vlprm::cpu::VLPRM_ISA
