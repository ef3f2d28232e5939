// Search trees as structures of arrays, and waves of their leaves. Semantics: src/trees/tree-batch.ts.
#pragma once
#include <stdint.h>

// What a descent reads of a child: 16 bytes, so that four children are a cache line and one is a load of the device.
struct VlprmEdge {
  int32_t visits;
  int32_t virtualVisits;  // descents through the node that no value has come back for
  float prior;
  int32_t firstChild;  // 0 not expanded, -1 terminal
};

// What a value on its way up needs besides.
struct VlprmUplink {
  int32_t parent;     // -1 for the root
  uint32_t valueMax;  // largest of the node's values: (value + 1) * 2^30; 0 before the first
};

// Tree t owns the elements [t * stride, t * stride + size[t]) of each array. Node 0 is the root, a child's number is above its
// parent's, and the children of a node are consecutive.
struct VlprmTrees {
  struct VlprmEdge* edges;
  double* valueSum;  // of the values backed up through the node, each a multiple of 2^-30 in [-1, 1]
  struct VlprmUplink* uplinks;
  int32_t* size;  // [trees] nodes in use
  uint16_t* childCount;
  int64_t trees;
  int64_t stride;
};

// The arrays in one piece of memory that begins 8-byte aligned, as src/trees/storage.ts lays them out.
static inline struct VlprmTrees vlprmTrees(void* memory, int64_t trees, int64_t stride) {
  const int64_t nodes = trees * stride;
  struct VlprmTrees result;
  result.edges = (struct VlprmEdge*)memory;
  result.valueSum = (double*)(result.edges + nodes);
  result.uplinks = (struct VlprmUplink*)(result.valueSum + nodes);
  result.size = (int32_t*)(result.uplinks + nodes);
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
