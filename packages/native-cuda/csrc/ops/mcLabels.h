// mcLabels: rollout outcomes to counts, rates, intervals and labels. Semantics: src/ops/mcLabels.ts.
#pragma once
#include <stdint.h>

enum VlprmRollouts { VLPRM_GROUPED = 0, VLPRM_KEYED = 1, VLPRM_PACKED = 2 };

// Completed rollouts below which intervals are looked up.
#define VLPRM_INTERVAL_SIDE 33

struct VlprmMcLabels {
  int32_t form;
  const uint8_t* outcomes;  // [rollouts], packed: bits in [(rollouts + 7) / 8]
  const int32_t* offsets;   // [steps + 1]; null when keyed
  const int32_t* keys;      // [rollouts] when keyed; else null
  int64_t rollouts;
  int64_t steps;
  int64_t numerator;
  int64_t denominator;
  double z;                // of Wilson's interval beyond the table; 0: NaN is written there
  const float* intervals;  // [VLPRM_INTERVAL_SIDE, VLPRM_INTERVAL_SIDE, 2]: lower, upper by completed and correct
  int32_t* correct;        // [steps], as all below
  int32_t* incorrect;
  int32_t* unparsable;
  int32_t* failed;
  float* rate;
  float* lower;
  float* upper;
  int8_t* label;
  int64_t invalid;  // out: index of the first outcome above 3, or -1
};
