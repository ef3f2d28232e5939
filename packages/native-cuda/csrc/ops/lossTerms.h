// The losses of src/ops/stepLoss.ts on logits: one source for the CPU's instruction sets and for CUDA.
#pragma once
#include <math.h>
#include <stdint.h>

#include "ops/stepLoss.h"

#ifdef __CUDACC__
#define VLPRM_LOSS_FUNCTION __device__ inline
#else
#define VLPRM_LOSS_FUNCTION inline
#endif

namespace {

struct LossTerm {
  double loss;
  double slope;  // derivative by the logit
};

// Cross-entropy or squared error of one row.
VLPRM_LOSS_FUNCTION LossTerm rowLoss(int32_t loss, double logit, double target) {
  const double small = exp(-fabs(logit));
  const double probability = logit >= 0 ? 1 / (1 + small) : small / (1 + small);
  const double difference = probability - target;
  if (loss == VLPRM_MSE) return {difference * difference, 2 * difference * probability * (1 - probability)};
  const double log = log1p(small);
  return {(logit >= 0 ? logit + log : log) - target * logit, difference};
}

// log(e^a + e^b).
VLPRM_LOSS_FUNCTION double logAddExp(double a, double b) { return (a > b ? a : b) + log1p(exp(-fabs(a - b))); }

// The unmasked steps of one trace.
struct RankedTrace {
  int64_t count;         // at least 1
  const double* logits;  // [count], as all below
  const double* targets;
  double* slopes;  // out: derivative of the trace's loss by each logit
};

// Loss of one trace. With D_t the sum that step t is measured against, log D grows along the right steps by one logAddExp each,
// and the derivatives need the sums over t >= i of 1 / D_t, which grow the same way from the end.
VLPRM_LOSS_FUNCTION double rankTrace(const RankedTrace& trace, double margin) {
  double wrong = -INFINITY;
  int64_t rightSteps = 0;
  for (int64_t i = 0; i < trace.count; ++i) {
    if (trace.targets[i] == 1) {
      ++rightSteps;
    } else {
      wrong = logAddExp(wrong, trace.logits[i] + margin);
    }
  }
  const double start = logAddExp(0, wrong);
  const bool hasStart = rightSteps < trace.count;
  const double terms = static_cast<double>(rightSteps + hasStart);
  double loss = hasStart ? start : 0;
  double total = start;
  for (int64_t i = 0; i < trace.count; ++i) {
    if (trace.targets[i] != 1) continue;
    total = logAddExp(total, trace.logits[i]);
    loss += total - trace.logits[i];
    trace.slopes[i] = total;
  }
  double tail = -INFINITY;
  for (int64_t i = trace.count - 1; i >= 0; --i) {
    if (trace.targets[i] != 1) continue;
    tail = logAddExp(tail, -trace.slopes[i]);
    trace.slopes[i] = expm1(trace.logits[i] + tail) / terms;
  }
  tail = logAddExp(tail, -start);
  for (int64_t i = 0; i < trace.count; ++i) {
    if (trace.targets[i] != 1) trace.slopes[i] = exp(trace.logits[i] + margin + tail) / terms;
  }
  return loss / terms;
}

}  // namespace
