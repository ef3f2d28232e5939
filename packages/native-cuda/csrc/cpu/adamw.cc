// Compiled without contraction, so that every instruction set computes the same bits.
#include <math.h>
#include <string.h>

#include "cpu/kernels.h"

namespace {

constexpr int64_t QUAD = 4;
typedef float Quad __attribute__((vector_size(QUAD * sizeof(float))));
typedef double DoubleQuad __attribute__((vector_size(QUAD * sizeof(double))));

DoubleQuad squares(const float* values) {
  Quad quad;
  memcpy(&quad, values, sizeof quad);
  const DoubleQuad wide = __builtin_convertvector(quad, DoubleQuad);
  return wide * wide;
}

// Over four times four lanes in fixed order.
double squaredNorm(const VlprmAdamW& op, int64_t begin, int64_t end) {
  constexpr int64_t CHAINS = 4;
  DoubleQuad sums[CHAINS] = {};
  int64_t i = begin;
  for (; i + CHAINS * QUAD <= end; i += CHAINS * QUAD) {
    for (int64_t k = 0; k < CHAINS; ++k) sums[k] += squares(op.gradient + i + k * QUAD);
  }
  const DoubleQuad total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double rest = 0;
  for (; i < end; ++i) rest += static_cast<double>(op.gradient[i]) * op.gradient[i];
  return ((total[0] + total[1]) + (total[2] + total[3])) + rest;
}

void update(const VlprmAdamW& op, double clip, int64_t begin, int64_t end) {
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
  for (int64_t i = begin; i < end; ++i) {
    const float g = gradient[i] * factor;
    const float first = beta1 * firstMoment[i] + rest1 * g;
    const float second = beta2 * secondMoment[i] + rest2 * g * g;
    firstMoment[i] = first;
    secondMoment[i] = second;
    parameters[i] = keep * parameters[i] - stepSize * first / (sqrtf(second) * secondScale + epsilon);
  }
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

extern const AdamWKernels adamw;
const AdamWKernels adamw = {squaredNorm, update};

}  // namespace vlprm::cpu::VLPRM_ISA
