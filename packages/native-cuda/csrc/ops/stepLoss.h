// stepLoss: weighted mean loss of a step head over a minibatch, and its gradients. Semantics: src/ops/stepLoss.ts.
#pragma once
#include <stdint.h>

#include "ops/stepScore.h"

enum VlprmLoss { VLPRM_BCE = 0, VLPRM_MSE = 1, VLPRM_PQM = 2 };

struct VlprmStepLoss {
  const void* features;          // [rows, width] of dtype
  const int32_t* rowIndices;     // [count]; null = 0..count-1
  const double* targets;         // [count] in the order of the minibatch
  const double* weights;         // [count]; 0 = masked
  const int32_t* traceOffsets;   // [traces + 1]; VLPRM_PQM only, as the two below
  const double* traceWeights;    // [traces]; 0 = every row is masked
  const float* head;             // as in VlprmStepScore; linear [w (width), b] when hiddenSize is 0
  int64_t width;
  int64_t count;
  int64_t hiddenSize;
  int64_t traces;
  double weightSum;
  double margin;
  int32_t dtype;                 // VlprmDtype
  int32_t loss;                  // VlprmLoss
  int32_t featureGradientDtype;  // VLPRM_F32 or VLPRM_BF16
  float* gradient;               // [head parameters]
  void* featureGradient;         // [count, width] or null
  double meanLoss;               // out; NaN when weightSum is 0
};
