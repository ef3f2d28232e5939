// adamw: one step of AdamW in place. Semantics: src/ops/adamw.ts.
#pragma once
#include <stdint.h>

struct VlprmAdamW {
  float* parameters;  // [size], as all below
  const float* gradient;
  float* firstMoment;
  float* secondMoment;
  int64_t size;
  double beta1;
  double beta2;
  double epsilon;
  double stepSize;     // learning rate / (1 - beta1^t)
  double secondScale;  // 1 / sqrt(1 - beta2^t)
  double keep;         // 1 - learning rate * decay
  double maxGradNorm;  // 0 = no clipping
  int32_t applied;     // out: 0 when clipping met a non-finite gradient norm; nothing is written then
};
