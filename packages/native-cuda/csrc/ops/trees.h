// Search trees as structures of arrays, and waves of their leaves. Semantics: src/trees/tree-batch.ts.
#pragma once
#include <stdint.h>

// Tree t owns the elements [t * stride, t * stride + size[t]) of each array. Node 0 is the root, a child's number is above its
// parent's, and the children of a node are consecutive.
struct VlprmTrees {
  double* valueSum;        // of the values backed up through the node, each a multiple of 2^-30 in [-1, 1]
  uint32_t* valueMax;      // largest of them: (value + 1) * 2^30; 0 before the first
  int32_t* parent;         // -1 for the root
  int32_t* firstChild;     // 0 not expanded, -1 terminal
  int32_t* visits;
  int32_t* virtualVisits;  // descents through the node that no value has come back for
  float* prior;
  int32_t* size;  // [trees] nodes in use
  uint16_t* childCount;
  int64_t trees;
  int64_t stride;
};

// The arrays in one piece of memory that begins 8-byte aligned, as src/trees/storage.ts lays them out.
static inline struct VlprmTrees vlprmTrees(void* memory, int64_t trees, int64_t stride) {
  const int64_t nodes = trees * stride;
  struct VlprmTrees result;
  result.valueSum = (double*)memory;
  result.valueMax = (uint32_t*)(result.valueSum + nodes);
  result.parent = (int32_t*)(result.valueMax + nodes);
  result.firstChild = result.parent + nodes;
  result.visits = result.firstChild + nodes;
  result.virtualVisits = result.visits + nodes;
  result.prior = (float*)(result.virtualVisits + nodes);
  result.size = (int32_t*)(result.prior + nodes);
  result.childCount = (uint16_t*)(result.size + trees);
  result.trees = trees;
  result.stride = stride;
  return result;
}

static inline int64_t vlprmTreesBytes(int64_t trees, int64_t stride) { return trees * stride * 34 + trees * 4; }

// `leavesPerTree` leaves of each of `count` different trees.
struct VlprmWave {
  const int32_t* trees;  // [count]; null = 0..count-1
  int32_t* leaves;       // [count, leavesPerTree] node, or -1 for none
  int64_t count;
  int64_t leavesPerTree;
};
