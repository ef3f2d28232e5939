// The unmasked rows of a chunk of the minibatch, gathered so that a pass over them sees neither masks nor indices.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cpu/kernels.h"

namespace {

// Hands out parts of one block of memory; from a null block, it only counts.
class Arena {
 public:
  explicit Arena(char* memory) : memory_(memory) {}
  template <class T>
  T* take(int64_t count) {
    T* part = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + used_);
    used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return part;
  }
  size_t used() const { return used_; }

 private:
  char* memory_;
  size_t used_ = 0;
};

struct LossRows {
  int64_t count = 0;
  int32_t* rows;       // [count] of the features, as all below
  int32_t* at;         // position in the minibatch
  int32_t* traces;     // VLPRM_PQM only
  double* targets;
  double* logits;
  double* slopes;      // derivative of the loss by the logit
  float* weighted;     // slope times the weight of the row or of its trace

  LossRows(Arena& arena, int64_t capacity) {
    rows = arena.take<int32_t>(capacity);
    at = arena.take<int32_t>(capacity);
    traces = arena.take<int32_t>(capacity);
    targets = arena.take<double>(capacity);
    logits = arena.take<double>(capacity);
    slopes = arena.take<double>(capacity);
    weighted = arena.take<float>(capacity);
  }

  void gather(const VlprmStepLoss& op, const vlprm::cpu::LossChunk& chunk) {
    int64_t trace = chunk.firstTrace;
    for (int64_t i = chunk.begin; i < chunk.end; ++i) {
      if (op.weights[i] == 0) continue;
      while (op.loss == VLPRM_PQM && op.traceOffsets[trace + 1] <= i) ++trace;
      rows[count] = op.rowIndices == nullptr ? static_cast<int32_t>(i) : op.rowIndices[i];
      at[count] = static_cast<int32_t>(i);
      traces[count] = static_cast<int32_t>(trace);
      targets[count] = op.targets[i];
      ++count;
    }
  }

  // One past the last row of the trace that `row` is in.
  int64_t traceEnd(int64_t row) const {
    int64_t end = row + 1;
    while (end < count && traces[end] == traces[row]) ++end;
    return end;
  }
};

}  // namespace
