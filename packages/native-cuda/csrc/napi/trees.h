// Arguments that the ops on search trees share, as src/bindings/trees.ts lists them.
#pragma once
#include "napi/arguments.h"
#include "ops/trees.h"

namespace vlprm::napi {

inline VlprmTrees readTrees(Arguments& in) {
  void* memory = in.array<void>();
  const int64_t trees = in.integer();
  return vlprmTrees(memory, trees, in.integer());
}

inline VlprmWave readWave(Arguments& in) {
  VlprmWave wave = {};
  wave.trees = in.array<int32_t>();
  wave.leaves = in.array<int32_t>();
  wave.count = in.integer();
  wave.leavesPerTree = in.integer();
  return wave;
}

}  // namespace vlprm::napi
