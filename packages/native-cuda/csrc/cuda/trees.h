// What the ops on trees share on the device.
#pragma once
#include "cuda/call.h"
#include "cuda/simt.h"
#include "ops/trees.h"

namespace vlprm::cuda {

// The trees and the wave with device addresses. Trees that lie on the device are worked on where they are.
inline VlprmTrees deviceTrees(Call& call, const VlprmTrees& trees) {
  void* memory = call.inout(reinterpret_cast<char*>(trees.edges), vlprmTreesBytes(trees.trees, trees.stride));
  return vlprmTrees(memory, trees.trees, trees.stride);
}

inline VlprmWave deviceWave(Call& call, const VlprmWave& wave) {
  VlprmWave result = wave;
  result.trees = call.in(wave.trees, wave.trees == nullptr ? 0 : wave.count);
  result.leaves = const_cast<int32_t*>(call.in(wave.leaves, wave.count * wave.leavesPerTree));
  return result;
}

__device__ __forceinline__ int64_t treeOf(const VlprmWave& wave, int64_t index) { return wave.trees == nullptr ? index : wave.trees[index]; }

// Neighbouring lanes that work on one tree.
constexpr int TREE_LANES = 8;

__device__ __forceinline__ unsigned treeMask() {
  return ((1u << TREE_LANES) - 1) << (threadIdx.x % WARP / TREE_LANES * TREE_LANES);
}

constexpr unsigned TREE_BLOCK = 128;

inline Grid treeGrid(const VlprmWave& wave) { return {blocksFor(wave.count * TREE_LANES, TREE_BLOCK), TREE_BLOCK}; }

}  // namespace vlprm::cuda
