// Trees of random shape for the lab.
#pragma once
#include <algorithm>

#include "cuda/lab/lab.h"
#include "cuda/trees.h"

namespace vlprm::cuda {

struct LabTrees {
  std::vector<int64_t> memory;
  VlprmTrees trees;

  // Four children a time, of a leaf among the last `recent` nodes: the smaller that is, the deeper the trees.
  LabTrees(int64_t count, int64_t nodes, unsigned recent) : memory(static_cast<size_t>(vlprmTreesBytes(count, nodes) + 7) / 8) {
    std::mt19937 random(7);
    trees = vlprmTrees(memory.data(), count, nodes);
    for (int64_t tree = 0; tree < count; ++tree) {
      trees.uplinks[tree * nodes].parent = -1;
      trees.size[tree] = 1;
      while (trees.size[tree] + CHILDREN <= nodes) expand(random, tree, recent);
    }
  }

 private:
  static constexpr int32_t CHILDREN = 4;

  void expand(std::mt19937& random, int64_t tree, unsigned recent) {
    const int64_t base = tree * trees.stride;
    const int32_t size = trees.size[tree];
    int32_t leaf = size - 1 - static_cast<int32_t>(random() % std::min(recent, static_cast<unsigned>(size)));
    while (trees.edges[base + leaf].firstChild != 0) leaf = leaf + 1 == size ? 0 : leaf + 1;
    trees.edges[base + leaf].firstChild = size;
    trees.childCount[base + leaf] = CHILDREN;
    trees.size[tree] = size + CHILDREN;
    for (int32_t child = size; child < size + CHILDREN; ++child) {
      trees.uplinks[base + child].parent = leaf;
      trees.edges[base + child].prior = static_cast<float>(random() % 1024) / 1024;
      trees.edges[base + child].visits = static_cast<int32_t>(random() % 8);
      trees.valueSum[base + child] = static_cast<double>(random() % 1024) / 1024 * trees.edges[base + child].visits;
    }
    trees.edges[base + leaf].visits += 1 + trees.edges[base + size].visits;
  }
};

}  // namespace vlprm::cuda
