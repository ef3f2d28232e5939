// puctSelect by PUCT, from naive to the production kernel.
#include "cuda/lab/trees.h"
#include "cuda/puctSelect.cu"

namespace vlprm::cuda {

namespace {

// --- versions before the production kernel ----------------------------------------------------------------------------

// A thread per tree looks at one child after the other: 32 trees a warp, whose loads meet nowhere.
__global__ void threadPerTree(const VlprmPuctSelect op) {
  const int64_t index = globalThread();
  if (index >= op.wave.count) return;
  const int64_t base = treeOf(op.wave, index) * op.trees.stride;
  for (int64_t entry = index * op.wave.leavesPerTree; entry < (index + 1) * op.wave.leavesPerTree; ++entry) {
    int32_t node = 0;
    int32_t depth = 0;
    for (;; ++depth) {
      VlprmEdge& edge = op.trees.edges[base + node];
      const double factor = op.factor[edge.visits + edge.virtualVisits++];
      if (edge.firstChild <= 0) break;
      double best = -INFINITY;
      int32_t child = 0;
      for (int32_t i = 0; i < op.trees.childCount[base + node]; ++i) {
        const double score = scoreOf(op, base + edge.firstChild + i, factor, op.firstPlay);
        child = score > best ? i : child;
        best = score > best ? score : best;
      }
      node = edge.firstChild + child;
    }
    op.wave.leaves[entry] = node;
    op.depths[entry] = depth;
  }
}

// --- one workload -----------------------------------------------------------------------------------------------------

class SelectWorkload {
 public:
  SelectWorkload(Lab& lab, int64_t trees, int64_t nodes, int64_t leavesPerTree)
      : host(trees, nodes, 64),
        memory(lab, host.memory),
        leaves(lab, static_cast<size_t>(trees * leavesPerTree)),
        depths(lab, static_cast<size_t>(trees * leavesPerTree)),
        factor_(lab, makeFactor()) {
    op.trees = vlprmTrees(memory.get(), trees, nodes);
    op.wave = {nullptr, leaves.get(), trees, leavesPerTree};
    op.depths = depths.get();
    op.factor = factor_.get();
    op.capacity = nodes;
  }

  LabTrees host;
  LabArray<int64_t> memory;
  LabArray<int32_t> leaves;
  LabArray<int32_t> depths;
  VlprmPuctSelect op = {};

 private:
  // More than the visits of any node after every replay of a measurement.
  static std::vector<double> makeFactor() {
    std::vector<double> factor;
    for (int n = 0; n < (1 << 20); ++n) factor.push_back(1.25 * sqrt(static_cast<double>(n)));
    return factor;
  }

  LabArray<double> factor_;
};

struct SelectVersion {
  const char* name;
  void (*kernel)(const VlprmPuctSelect);
  int64_t lanes;
};

const SelectVersion SELECTS[] = {
    {"thread per tree", threadPerTree, 1},
    {"production, 8 lanes a tree", selectLeaves, TREE_LANES},
};

cudaError_t runVersion(const SelectVersion& version, const VlprmPuctSelect& op, cudaStream_t stream) {
  return launch({blocksFor(op.wave.count * version.lanes, TREE_BLOCK), TREE_BLOCK, 0, stream}, version.kernel, op);
}

}  // namespace

// The bits of the production kernel are compared with the CPU's in csrc/test; here the versions are, with each other.
void lab::puctSelect(Lab& lab) {
  for (const int64_t leaves : {1, 6}) {
    std::vector<std::vector<int64_t>> memories;
    for (const SelectVersion& version : SELECTS) {
      SelectWorkload work(lab, 9, 300, leaves);
      work.leaves.poison();
      work.depths.poison();
      lab.did(runVersion(version, work.op, lab.stream()), version.name);
      memories.push_back(work.memory.read());
      lab.expect(memories.back() == memories.front(), std::string("puctSelect trees, ") + version.name);
      for (const int32_t depth : work.depths.read()) lab.expect(depth > 0, std::string("puctSelect depth, ") + version.name);
    }
  }
  if (!lab.timing()) return;
  for (const int64_t leaves : {1, 8}) {
    for (const SelectVersion& version : SELECTS) {
      SelectWorkload work(lab, 4096, 512, leaves);
      lab.did(runVersion(version, work.op, lab.stream()), version.name);
      double visited = 0;
      for (const int32_t depth : work.depths.read()) visited += depth;
      // Four children a level: edge and sum; of the chosen one, the number of children.
      lab.measure("puctSelect", version.name, "4096x512, " + std::to_string(leaves) + (leaves == 1 ? " leaf" : " leaves"), visited * (4 * 24 + 6), 1,
                  [&](int, cudaStream_t stream) { lab.did(runVersion(version, work.op, stream), version.name); });
    }
  }
}

}  // namespace vlprm::cuda
