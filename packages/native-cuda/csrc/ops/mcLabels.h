// mcLabels: rollout outcomes to counts, rates, Wilson intervals and labels. Semantics: src/ops/mcLabels.ts.
#pragma once
#include <stdint.h>

struct VlprmMcLabels {
  const uint8_t* outcomes;  // [offsets[steps]]
  const int32_t* offsets;   // [steps + 1]
  int64_t steps;
  int64_t numerator;
  int64_t denominator;
  double z;
  int32_t* correct;  // [steps], as all below
  int32_t* incorrect;
  int32_t* unparsable;
  int32_t* failed;
  float* rate;
  float* lower;
  float* upper;
  int8_t* label;
  int64_t invalid;  // out: index of the first outcome above 3, or -1
};
