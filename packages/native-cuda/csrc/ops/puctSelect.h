// puctSelect: descents from the root to a leaf by PUCT or UCT, with virtual visits. Semantics: src/ops/puctSelect.ts.
#pragma once
#include <stdint.h>

#include "ops/trees.h"

enum VlprmExploration { VLPRM_PUCT = 0, VLPRM_UCT = 1 };
enum VlprmNodeValue { VLPRM_MEAN_VALUE = 0, VLPRM_MAX_VALUE = 1 };

struct VlprmPuctSelect {
  struct VlprmTrees trees;
  struct VlprmWave wave;  // leaves is written
  int32_t* depths;        // [count, leavesPerTree] edges from the root, or -1
  const double* factor;   // by the visits of the parent, virtual ones included
  int64_t factors;        // more than the root of any tree will have
  int32_t exploration;    // VlprmExploration
  int32_t nodeValue;      // VlprmNodeValue
  double virtualValue;    // what a virtual visit counts as
  double firstPlay;       // value of a child without visits, or what it is below its parent's
  int32_t belowParent;
  int32_t reserve;   // no descent begins in a tree without this much room for each leaf of the wave so far
  int64_t capacity;  // nodes that a tree can hold
};
