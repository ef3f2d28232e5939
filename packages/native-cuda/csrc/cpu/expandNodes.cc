#include "cpu/kernels.h"
#include "cpu/treeWalk.h"

namespace {

constexpr int64_t AHEAD = 8;  // trees whose memory is asked for beforehand

void prefetchTree(const VlprmExpandNodes& op, int64_t index) {
  const int64_t tree = treeOf(op.wave, index);
  const int32_t leaf = op.wave.leaves[index * op.wave.leavesPerTree];
  const int64_t base = tree * op.trees.stride;
  const int64_t next = base + op.trees.size[tree];
  prefetch(op.trees.edges + next);
  prefetch(op.trees.uplinks + next);
  if (leaf < 0) return;
  prefetch(op.trees.edges + base + leaf);
  prefetch(op.trees.childCount + base + leaf);
}

// The first of the new nodes, or -1.
int32_t expand(const VlprmTrees& trees, int64_t tree, int32_t leaf, const float* priors, int32_t count) {
  const int64_t base = tree * trees.stride;
  VlprmEdge& edge = trees.edges[base + leaf];
  if (edge.firstChild != 0) return -1;
  if (count == 0) {
    edge.firstChild = -1;
    return -1;
  }
  const int32_t first = trees.size[tree];
  for (int32_t child = 0; child < count; ++child) {
    trees.uplinks[base + first + child].parent = leaf;
    trees.edges[base + first + child].prior = priors[child];
  }
  edge.firstChild = first;
  trees.childCount[base + leaf] = static_cast<uint16_t>(count);
  trees.size[tree] = first + count;
  return first;
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

void expandNodes(const VlprmExpandNodes& op, int64_t begin, int64_t end) {
  const int64_t leavesPerTree = op.wave.leavesPerTree;
  for (int64_t index = begin; index < end; ++index) {
    if (index + AHEAD < end) prefetchTree(op, index + AHEAD);
    const int64_t tree = treeOf(op.wave, index);
    for (int64_t entry = index * leavesPerTree; entry < (index + 1) * leavesPerTree; ++entry) {
      const int32_t leaf = op.wave.leaves[entry];
      const int32_t first = op.childOffsets[entry];
      op.firstChildren[entry] = leaf < 0 ? -1 : expand(op.trees, tree, leaf, op.priors + first, op.childOffsets[entry + 1] - first);
    }
  }
}

}  // namespace vlprm::cpu::VLPRM_ISA
