// stepLoss: weighted mean loss of a step head over a minibatch, and its gradient. Semantics: src/ops/stepLoss.ts.
#pragma once
#include <stdint.h>

struct VlprmStepLoss {
  const float* features;      // [rows, width]
  const int32_t* rowIndices;  // [count]; null = 0..count-1
  const float* targets;       // [rows]
  const float* weights;       // [rows]
  const float* head;          // as in VlprmStepScore; linear [w (width), b] when hiddenSize is 0
  int64_t width;
  int64_t count;
  int64_t hiddenSize;
  double labelSmoothing;
  int32_t squared;  // 0 = cross-entropy, 1 = squared error of the probability
  float* gradient;  // [head parameters]
  double loss;      // out; NaN when weightSum is 0
  double weightSum;  // out
};
