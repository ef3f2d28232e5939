#include "ops/expandNodes.h"

#include "cuda/trees.h"

namespace vlprm::cuda {

namespace {

// --- kernels ----------------------------------------------------------------------------------------------------------

// What one entry of the wave makes, by the lanes of its tree: the first new node, or -1. `size` is the tree's, kept by every lane.
__device__ int32_t expand(const VlprmExpandNodes& op, int64_t base, int32_t leaf, int64_t entry, int32_t& size, unsigned mask) {
  const int lane = threadIdx.x % TREE_LANES;
  const int32_t begin = op.childOffsets[entry];
  const int32_t count = op.childOffsets[entry + 1] - begin;
  const bool expanded = op.trees.edges[base + leaf].firstChild != 0;
  __syncwarp(mask);  // every lane has read the edge
  if (expanded) return -1;
  if (lane == 0) {
    op.trees.edges[base + leaf].firstChild = count == 0 ? -1 : size;
    op.trees.childCount[base + leaf] = static_cast<uint16_t>(count);
  }
  for (int32_t child = lane; child < count; child += TREE_LANES) {
    op.trees.uplinks[base + size + child].parent = leaf;
    op.trees.edges[base + size + child].prior = op.priors[begin + child];
  }
  const int32_t first = count == 0 ? -1 : size;
  size += count;
  __syncwarp(mask);  // a second entry for the leaf sees that it is expanded
  return first;
}

__global__ void expandLeaves(const VlprmExpandNodes op) {
  const int64_t index = globalThread() / TREE_LANES;
  if (index >= op.wave.count) return;
  const int64_t tree = treeOf(op.wave, index);
  int32_t size = op.trees.size[tree];
  for (int64_t entry = index * op.wave.leavesPerTree; entry < (index + 1) * op.wave.leavesPerTree; ++entry) {
    const int32_t leaf = op.wave.leaves[entry];
    const int32_t first = leaf < 0 ? -1 : expand(op, tree * op.trees.stride, leaf, entry, size, treeMask());
    if (threadIdx.x % TREE_LANES == 0) op.firstChildren[entry] = first;
  }
  if (threadIdx.x % TREE_LANES == 0) op.trees.size[tree] = size;
}

}  // namespace

// --- launchers --------------------------------------------------------------------------------------------------------

int expandNodes(VlprmExpandNodes* op, char* error, size_t errorSize) {
  Call call(error, errorSize);
  const int64_t leaves = op->wave.count * op->wave.leavesPerTree;
  VlprmExpandNodes device = *op;
  device.trees = deviceTrees(call, op->trees);
  device.wave = deviceWave(call, op->wave);
  device.childOffsets = call.in(op->childOffsets, leaves + 1);
  device.priors = call.in(op->priors, op->childOffsets[leaves]);
  device.firstChildren = call.out(op->firstChildren, leaves);
  call.launch("expand", treeGrid(op->wave), expandLeaves, device);
  return call.finish();
}

}  // namespace vlprm::cuda
