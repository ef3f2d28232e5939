#include <math.h>

#include "cpu/kernels.h"
#include "cpu/lanes.h"

namespace {

// Sum of squares over eight f64 lanes in fixed order.
double squaredNorm(const float* values, int64_t size) {
  double sums[LANES] = {};
  for (int64_t i = 0; i < size; ++i) sums[i % LANES] += static_cast<double>(values[i]) * values[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

// Factor that brings the gradient to at most maxGradNorm; negative when its norm is not finite.
double clipFactor(const VlprmAdamW& op) {
  if (op.maxGradNorm == 0) return 1;
  const double norm = sqrt(squaredNorm(op.gradient, op.size));
  if (!isfinite(norm)) return -1;
  return norm > op.maxGradNorm ? op.maxGradNorm / norm : 1;
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

void adamw(VlprmAdamW& op) {
  const double clip = clipFactor(op);
  op.applied = clip < 0 ? 0 : 1;
  if (clip < 0) return;
  const float factor = static_cast<float>(clip);
  const float beta1 = static_cast<float>(op.beta1);
  const float beta2 = static_cast<float>(op.beta2);
  const float rest1 = static_cast<float>(1 - op.beta1);
  const float rest2 = static_cast<float>(1 - op.beta2);
  const float epsilon = static_cast<float>(op.epsilon);
  const float stepSize = static_cast<float>(op.stepSize);
  const float secondScale = static_cast<float>(op.secondScale);
  const float keep = static_cast<float>(op.keep);
  float* __restrict parameters = op.parameters;
  const float* __restrict gradient = op.gradient;
  float* __restrict firstMoment = op.firstMoment;
  float* __restrict secondMoment = op.secondMoment;
  for (int64_t i = 0; i < op.size; ++i) {
    const float g = gradient[i] * factor;
    const float first = beta1 * firstMoment[i] + rest1 * g;
    const float second = beta2 * secondMoment[i] + rest2 * g * g;
    firstMoment[i] = first;
    secondMoment[i] = second;
    parameters[i] = keep * parameters[i] - stepSize * first / (sqrtf(second) * secondScale + epsilon);
  }
}

}  // namespace vlprm::cpu::VLPRM_ISA
