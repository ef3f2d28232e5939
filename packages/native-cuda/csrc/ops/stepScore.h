// stepScore: label probabilities at step ends, aggregates per candidate, choice per problem.
// Semantics: src/ops/stepScore.ts. The struct crosses the C ABI of the CUDA module: raise VLPRM_CUDA_ABI with any change.
#pragma once
#include <stdint.h>

enum VlprmDtype { VLPRM_F32 = 0, VLPRM_BF16 = 1, VLPRM_F16 = 2 };

enum VlprmAggregate {
  VLPRM_MIN = 0,
  VLPRM_MEAN = 1,
  VLPRM_PRODUCT = 2,
  VLPRM_LAST = 3,
  VLPRM_MAX = 4,
  VLPRM_GEOMETRIC_MEAN = 5,
  VLPRM_AGGREGATES = 6
};

struct VlprmStepScore {
  const void* hidden;        // [rows, width] of dtype
  const int32_t* positions;  // [steps] row of each step; null = 0..steps-1
  const float* rows;         // [others, width] label row 0 minus label row j + 1; null with a two-layer head
  const double* bias;        // [others]
  const float* head;         // W1 [hiddenSize, width], b1, w2 [hiddenSize], b2 [1]; null with rows
  int64_t width;
  int64_t steps;
  int64_t others;  // labels - 1
  int64_t hiddenSize;
  int64_t candidates;  // 0 = no aggregation
  int64_t problems;    // 0 = no choice
  double temperature;
  double threshold;
  int32_t dtype;     // VlprmDtype
  int32_t selectBy;  // VlprmAggregate
  const int32_t* candidateOffsets;  // [candidates + 1]
  const int32_t* problemOffsets;    // [problems + 1]
  const int32_t* answers;           // [candidates] or null
  float* logit;                     // [steps]
  float* probability;               // [steps]
  float* logProbability;            // [steps, others + 1]
  float* aggregates[VLPRM_AGGREGATES];  // [candidates] each
  int32_t* firstError;                  // [candidates]
  int32_t* best;                        // [problems]
  int32_t* vote;                        // [problems] or null
};
