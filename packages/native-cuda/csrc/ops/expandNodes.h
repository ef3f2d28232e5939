// expandNodes: children for leaves. Semantics: src/ops/expandNodes.ts.
#pragma once
#include <stdint.h>

#include "ops/trees.h"

struct VlprmExpandNodes {
  struct VlprmTrees trees;
  struct VlprmWave wave;
  const int32_t* childOffsets;  // [count * leavesPerTree + 1]
  const float* priors;          // [childOffsets[count * leavesPerTree]]
  int32_t* firstChildren;       // [count, leavesPerTree] out: node of the first child, or -1 where none was made
};
