#include "ops/puctSelect.h"

#include "cuda/trees.h"

namespace vlprm::cuda {

namespace {

// --- kernels ----------------------------------------------------------------------------------------------------------

// One 16-byte load. Volatile reads would split it; the lanes of a tree see each other's writes after __syncwarp.
__device__ __forceinline__ VlprmEdge loadEdge(const VlprmEdge* at) {
  const uint4 words = *reinterpret_cast<const uint4*>(at);
  return {static_cast<int32_t>(words.x), static_cast<int32_t>(words.y), __uint_as_float(words.z), static_cast<int32_t>(words.w)};
}

// The value of a node with visits, as src/js/puctSelect.ts rounds it.
__device__ __forceinline__ double valueOf(const VlprmPuctSelect& op, const VlprmEdge& edge, int64_t at) {
  const double visits = edge.visits;
  const double pending = edge.virtualVisits;
  const double sum = op.nodeValue == VLPRM_MEAN_VALUE ? op.trees.valueSum[at] : (op.trees.uplinks[at].valueMax * 0x1p-30 - 1.0) * visits;
  return (sum + pending * op.virtualValue) / (visits + pending);
}

__device__ __forceinline__ double scoreOf(const VlprmPuctSelect& op, int64_t at, double factor, double firstPlay) {
  const VlprmEdge edge = loadEdge(op.trees.edges + at);
  const double total = static_cast<double>(edge.visits) + static_cast<double>(edge.virtualVisits);
  const bool fresh = total == 0;
  if (op.exploration == VLPRM_UCT) return fresh ? INFINITY : valueOf(op, edge, at) + sqrt(factor / total);
  return (fresh ? firstPlay : valueOf(op, edge, at)) + static_cast<double>(edge.prior) * factor / (total + 1.0);
}

// The child with the largest score, the first of equal ones; each lane looks at every TREE_LANES-th, and all lanes get the answer.
__device__ int32_t bestChild(const VlprmPuctSelect& op, const VlprmEdge& parent, int64_t at, int64_t first, unsigned mask) {
  const double factor = op.factor[parent.visits + parent.virtualVisits];
  const double above = parent.visits + parent.virtualVisits == 0 ? 0.0 : valueOf(op, parent, at);
  const double firstPlay = op.belowParent ? above - op.firstPlay : op.firstPlay;
  const int32_t count = op.trees.childCount[at];
  double best = -INFINITY;
  int32_t child = 0x7fffffff;
  for (int32_t i = threadIdx.x % TREE_LANES; i < count; i += TREE_LANES) {
    const double score = scoreOf(op, first + i, factor, firstPlay);
    if (score > best || child == 0x7fffffff) {
      best = score;
      child = i;
    }
  }
#pragma unroll
  for (int distance = TREE_LANES / 2; distance > 0; distance /= 2) {
    const double otherScore = __shfl_xor_sync(mask, best, distance);
    const int32_t other = __shfl_xor_sync(mask, child, distance);
    const bool replaces = otherScore > best || (otherScore == best && other < child);
    best = replaces ? otherScore : best;
    child = replaces ? other : child;
  }
  return child;
}

// One descent of the lanes of a tree.
__device__ void descend(const VlprmPuctSelect& op, int64_t base, int64_t entry, unsigned mask) {
  const bool writes = threadIdx.x % TREE_LANES == 0;
  int32_t node = 0;
  int32_t depth = 0;
  for (;; ++depth) {
    const int64_t at = base + node;
    const VlprmEdge edge = loadEdge(op.trees.edges + at);
    const bool leaf = edge.firstChild <= 0;
    const int32_t next = leaf ? 0 : edge.firstChild + bestChild(op, edge, at, base + edge.firstChild, mask);
    __syncwarp(mask);  // every lane has read the edge
    if (writes) op.trees.edges[at].virtualVisits = edge.virtualVisits + 1;
    if (leaf) break;
    node = next;
  }
  if (!writes) return;
  op.wave.leaves[entry] = node;
  op.depths[entry] = depth;
}

// TREE_LANES lanes a tree; the descents of a tree follow one another, so virtual visits are exact.
__global__ void selectLeaves(const VlprmPuctSelect op) {
  const int64_t index = globalThread() / TREE_LANES;
  if (index >= op.wave.count) return;
  const unsigned mask = treeMask();
  const int64_t tree = treeOf(op.wave, index);
  const int64_t room = op.reserve == 0 ? op.wave.leavesPerTree : (op.capacity - op.trees.size[tree]) / op.reserve;
  for (int64_t leaf = 0; leaf < op.wave.leavesPerTree; ++leaf) {
    const int64_t entry = index * op.wave.leavesPerTree + leaf;
    if (leaf < room) {
      descend(op, tree * op.trees.stride, entry, mask);
      __syncwarp(mask);  // the next descent sees the virtual visits
    } else if (threadIdx.x % TREE_LANES == 0) {
      op.wave.leaves[entry] = -1;
      op.depths[entry] = -1;
    }
  }
}

}  // namespace

// --- launchers --------------------------------------------------------------------------------------------------------

int puctSelect(VlprmPuctSelect* op, char* error, size_t errorSize) {
  Call call(error, errorSize);
  const int64_t leaves = op->wave.count * op->wave.leavesPerTree;
  VlprmPuctSelect device = *op;
  device.trees = deviceTrees(call, op->trees);
  device.wave.trees = call.in(op->wave.trees, op->wave.trees == nullptr ? 0 : op->wave.count);
  device.wave.leaves = call.out(op->wave.leaves, leaves);
  device.depths = call.out(op->depths, leaves);
  device.factor = call.in(op->factor, op->factors);
  call.launch("select", treeGrid(op->wave), selectLeaves, device);
  return call.finish();
}

}  // namespace vlprm::cuda
