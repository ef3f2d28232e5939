// Ends of Wilson's interval and label of a step. The operations and their order are those of src/ops/interval.ts, without fused
// multiply-add, so that the bits agree on every backend.
#pragma once
#include <math.h>
#include <stdint.h>

#if defined(__CUDACC__)
#define VLPRM_EVERYWHERE __host__ __device__
#else
#define VLPRM_EVERYWHERE
#endif

namespace {

struct WilsonEnds {
  float lower;
  float upper;
};

VLPRM_EVERYWHERE inline double clampUnit(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

VLPRM_EVERYWHERE inline WilsonEnds wilsonEnds(int64_t correctCount, int64_t completedCount, double z) {
  if (z == 0) return {NAN, NAN};
  const double correct = static_cast<double>(correctCount);
  const double completed = static_cast<double>(completedCount);
  const double squared = z * z;
  const double total = completed + squared;
  const double centre = (correct + squared / 2) / total;
  const double half = (z / total) * sqrt((correct * (completed - correct)) / completed + squared / 4);
  return {static_cast<float>(correctCount == 0 ? 0 : clampUnit(centre - half)),
          static_cast<float>(correctCount == completedCount ? 1 : clampUnit(centre + half))};
}

// 1 positive, -1 negative, 0 no evidence.
VLPRM_EVERYWHERE inline int32_t stepLabel(int64_t correct, int64_t completed, int64_t numerator, int64_t denominator) {
  return completed == 0 ? 0 : correct * denominator <= numerator * completed ? -1 : 1;
}

}  // namespace
