// valueBackup: values from leaves to the root. Semantics: src/ops/valueBackup.ts.
#pragma once
#include <stdint.h>

#include "ops/trees.h"

struct VlprmValueBackup {
  struct VlprmTrees trees;
  struct VlprmWave wave;
  const double* values;    // [count, leavesPerTree] in [-1, 1]; null: the virtual visits are taken back and no value comes
  const double* discount;  // [stride] powers of the discount; null: it is 1
  int32_t pending;         // whether each leaf holds a virtual visit that this takes back
};
