// valueBackup without discount, from naive to the production kernels.
#include "cuda/lab/trees.h"
#include "cuda/valueBackup.cu"

namespace vlprm::cuda {

namespace {

// --- versions before the production kernels ---------------------------------------------------------------------------

// A thread per tree: its leaves one after the other, so that no addition needs to be atomic.
__global__ void threadPerTree(const VlprmValueBackup op) {
  const int64_t index = globalThread();
  if (index >= op.wave.count) return;
  const int64_t base = treeOf(op.wave, index) * op.trees.stride;
  for (int64_t entry = index * op.wave.leavesPerTree; entry < (index + 1) * op.wave.leavesPerTree; ++entry) {
    const double value = onGrid(op.values[entry]);
    for (int32_t node = op.wave.leaves[entry]; node >= 0; node = op.trees.uplinks[base + node].parent) {
      uint32_t& largest = op.trees.uplinks[base + node].valueMax;
      ++op.trees.edges[base + node].visits;
      op.trees.valueSum[base + node] += value;
      if (gridUnits(value) > largest) largest = gridUnits(value);
    }
  }
}

// --- one workload -----------------------------------------------------------------------------------------------------

class BackupWorkload {
 public:
  BackupWorkload(Lab& lab, int64_t trees, int64_t nodes, int64_t leavesPerTree)
      : host(trees, nodes, 12), initial_(host.memory), memory_(lab, host.memory), leaves_(lab, makeLeaves(leavesPerTree)), values_(lab, makeValues()) {
    op.trees = vlprmTrees(memory_.get(), trees, nodes);
    op.wave = {nullptr, leaves_.get(), trees, leavesPerTree};
    op.values = values_.get();
    for (size_t entry = 0; entry < hostLeaves_.size(); ++entry) backUpOnHost(entry);
  }

  double nodesOnPaths() const { return nodesOnPaths_; }

  void reset() { memory_.write(initial_, 0); }
  void expectEqual(Lab& lab, const std::string& version) const { lab.expect(memory_.read() == host.memory, "valueBackup " + version); }

  LabTrees host;
  VlprmValueBackup op = {};

 private:
  std::vector<int32_t> makeLeaves(int64_t leavesPerTree) {
    std::mt19937 random(8);
    const VlprmTrees& trees = host.trees;
    for (int64_t entry = 0; entry < trees.trees * leavesPerTree; ++entry) {
      hostLeaves_.push_back(static_cast<int32_t>(random() % static_cast<unsigned>(trees.size[entry / leavesPerTree])));
    }
    return hostLeaves_;
  }

  std::vector<double> makeValues() {
    std::mt19937 random(9);
    for (size_t entry = 0; entry < hostLeaves_.size(); ++entry) hostValues_.push_back(static_cast<double>(random() % 65536) / 65536);
    return hostValues_;
  }

  void backUpOnHost(size_t entry) {
    const VlprmTrees& trees = host.trees;
    const double value = hostValues_[entry];
    const int64_t base = static_cast<int64_t>(entry) / op.wave.leavesPerTree * trees.stride;
    for (int32_t node = hostLeaves_[entry]; node >= 0; node = trees.uplinks[base + node].parent) {
      ++trees.edges[base + node].visits;
      trees.valueSum[base + node] += value;
      uint32_t& largest = trees.uplinks[base + node].valueMax;
      largest = std::max(largest, static_cast<uint32_t>((value + 1) * 0x1p30));
      ++nodesOnPaths_;
    }
  }

  std::vector<int64_t> initial_;
  std::vector<int32_t> hostLeaves_;
  std::vector<double> hostValues_;
  LabArray<int64_t> memory_;
  LabArray<int32_t> leaves_;
  LabArray<double> values_;
  double nodesOnPaths_ = 0;
};

struct BackupVersion {
  const char* name;
  void (*kernel)(const VlprmValueBackup);
  Grid (*grid)(const VlprmValueBackup&);
};

const BackupVersion BACKUPS[] = {
    {"thread per tree", threadPerTree, [](const VlprmValueBackup& op) { return Grid{blocksFor(op.wave.count, 128), 128}; }},
    {"production, thread per leaf", backUpPaths,
     [](const VlprmValueBackup& op) { return Grid{blocksFor(op.wave.count * op.wave.leavesPerTree, 128), 128}; }},
    {"production, block per tree", backUpTrees,
     [](const VlprmValueBackup& op) {
       return Grid{static_cast<unsigned>(op.wave.count), 128, static_cast<size_t>(op.trees.stride * Deposits::BYTES)};
     }},
};

cudaError_t runVersion(const BackupVersion& version, const VlprmValueBackup& op, cudaStream_t stream) {
  Grid grid = version.grid(op);
  grid.stream = stream;
  return launch(grid, version.kernel, op);
}

}  // namespace

void lab::valueBackup(Lab& lab) {
  for (const int64_t leaves : {1, 5, 64}) {
    BackupWorkload work(lab, 5, 200, leaves);
    for (const BackupVersion& version : BACKUPS) {
      work.reset();
      lab.did(runVersion(version, work.op, lab.stream()), version.name);
      work.expectEqual(lab, version.name);
    }
  }
  if (!lab.timing()) return;
  for (const int64_t leaves : {1, 64}) {
    BackupWorkload work(lab, 4096, 512, leaves);
    const std::string shape = "4096x512, " + std::to_string(leaves) + (leaves == 1 ? " leaf" : " leaves");
    // A node on a path: parent and maximum, visits, sum; read and written but for the parent.
    const double bytes = 36 * work.nodesOnPaths();
    for (const BackupVersion& version : BACKUPS) {
      lab.measure("valueBackup", version.name, shape, bytes, 1,
                  [&](int, cudaStream_t stream) { lab.did(runVersion(version, work.op, stream), version.name); });
    }
  }
}

}  // namespace vlprm::cuda
