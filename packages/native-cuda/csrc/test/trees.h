// Batches of trees of random shape, and searches on them.
#pragma once
#include <cstring>

#include "cuda/module.h"
#include "test/harness.h"

namespace vlprm::test {

struct TreeCase {
  std::vector<int64_t> memory;
  VlprmTrees trees;
  int64_t capacity;

  TreeCase(int64_t count, int64_t nodes) : memory(static_cast<size_t>(vlprmTreesBytes(count, nodes) + 7) / 8), capacity(nodes) {
    trees = vlprmTrees(memory.data(), count, nodes);
    for (int64_t tree = 0; tree < count; ++tree) {
      trees.uplinks[tree * nodes].parent = -1;
      trees.edges[tree * nodes].prior = 1;
      trees.size[tree] = 1;
    }
  }
  TreeCase(const TreeCase&) = delete;
};

// One wave: the trees it lists (null: all), its leaves, and what belongs to each leaf.
struct WaveCase {
  std::vector<int32_t> listed, leaves, depths, offsets, firstChildren;
  std::vector<float> priors;
  std::vector<double> values;
  int64_t leavesPerTree;
  bool all;

  WaveCase(std::mt19937& random, const TreeCase& batch, int64_t perTree) : leavesPerTree(perTree), all(random() % 2 == 0) {
    for (int32_t tree = 0; tree < batch.trees.trees; ++tree)
      if (all || random() % 3 > 0) listed.push_back(tree);
    const size_t entries = listed.size() * static_cast<size_t>(perTree);
    leaves.assign(entries, -7);
    depths.assign(entries, -7);
    firstChildren.assign(entries, -7);
    for (size_t i = 0; i < entries; ++i) values.push_back(static_cast<double>(random()) / 2147483648.0 - 1.0);
  }

  VlprmWave wave() {
    return {all ? nullptr : listed.data(), leaves.data(), static_cast<int64_t>(listed.size()), leavesPerTree};
  }

  // Children for every leaf that its tree certainly has room for.
  void makeChildren(std::mt19937& random, const TreeCase& batch) {
    offsets = {0};
    for (size_t index = 0; index < listed.size(); ++index) {
      int64_t room = batch.capacity - batch.trees.size[listed[index]];
      for (int64_t leaf = 0; leaf < leavesPerTree; ++leaf) {
        const int64_t count = std::min<int64_t>(room, random() % 11);
        room -= count;
        for (int64_t child = 0; child < count; ++child) priors.push_back(static_cast<float>(random() % 1000) / 1000);
        offsets.push_back(static_cast<int32_t>(priors.size()));
      }
    }
  }
};

struct SearchRules {
  int32_t exploration, nodeValue, belowParent, reserve;
  double virtualValue, firstPlay;
  std::vector<double> factor, discount;

  explicit SearchRules(std::mt19937& random, int64_t nodes)
      : exploration(random() % 3 == 0),
        nodeValue(random() % 3 == 0),
        belowParent(random() % 2),
        reserve(random() % 3 == 0 ? 4 : 0),
        virtualValue(-static_cast<double>(random() % 100) / 100),
        firstPlay(static_cast<double>(random() % 100) / 200) {
    for (int n = 0; n < 4096; ++n) factor.push_back(exploration == VLPRM_UCT ? 2 * std::log(n < 1 ? 1 : n) : 1.3 * std::sqrt(n));
    double power = 1;
    for (int64_t height = 0; height < nodes; ++height, power *= 0.97) discount.push_back(power);
  }

  VlprmPuctSelect select(const TreeCase& batch, WaveCase& wave) const {
    return {batch.trees, wave.wave(),  wave.depths.data(), factor.data(), static_cast<int64_t>(factor.size()), exploration, nodeValue,
            virtualValue, firstPlay, belowParent, reserve, batch.capacity};
  }
};

// What runs the three ops: one instruction set, or the drivers with some number of threads.
struct TreeOps {
  std::function<void(VlprmPuctSelect&)> select;
  std::function<void(VlprmExpandNodes&)> expand;
  std::function<void(VlprmValueBackup&)> backUp;

  static TreeOps of(const cpu::Kernels* kernels) {
    return {[=](VlprmPuctSelect& op) { kernels->puctSelect(op, 0, op.wave.count); },
            [=](VlprmExpandNodes& op) { kernels->expandNodes(op, 0, op.wave.count); },
            [=](VlprmValueBackup& op) {
              const Scratch scratch(cpu::valueBackupScratch(op));
              std::memset(scratch.get(), 0, cpu::valueBackupScratch(op));
              kernels->valueBackup(op, 0, op.wave.count, scratch.get());
            }};
  }

  // On a device, the trees staged by each call, or in memory of the device that calls find them in.
  static TreeOps onDevice(const VlprmCudaApi* api, bool resident) {
    return {[=](VlprmPuctSelect& op) { compute(api, api->puctSelect, op, resident); },
            [=](VlprmExpandNodes& op) { compute(api, api->expandNodes, op, resident); },
            [=](VlprmValueBackup& op) { compute(api, api->valueBackup, op, resident); }};
  }

  template <class Op>
  static void compute(const VlprmCudaApi* api, int (*run)(Op*, char*, size_t), Op op, bool resident) {
    char error[256] = "";
    const VlprmTrees host = op.trees;
    const auto bytes = static_cast<size_t>(vlprmTreesBytes(host.trees, host.stride));
    void* memory = nullptr;
    if (resident) {
      CHECK(api->allocate(bytes, &memory, error, sizeof error) == VLPRM_CUDA_OK);
      CHECK(api->upload(memory, host.edges, bytes, error, sizeof error) == VLPRM_CUDA_OK);
      op.trees = vlprmTrees(memory, host.trees, host.stride);
    }
    CHECK(run(&op, error, sizeof error) == VLPRM_CUDA_OK);
    if (!resident) return;
    CHECK(api->download(host.edges, memory, bytes, error, sizeof error) == VLPRM_CUDA_OK);
    api->release(memory);
  }

  static TreeOps withThreads(int threads) {
    cpu::Control control;
    control.threads = threads;
    return {[=](VlprmPuctSelect& op) { CHECK(cpu::puctSelect(op, control)); }, [=](VlprmExpandNodes& op) { CHECK(cpu::expandNodes(op, control)); },
            [=](VlprmValueBackup& op) { CHECK(cpu::valueBackup(op, control)); }};
  }
};

// A random search of `waves` waves; the same for the same seed. Returns the memory of its trees.
inline std::vector<int64_t> search(unsigned seed, int64_t mostTrees, int waves, const TreeOps& ops) {
  std::mt19937 random(seed);
  TreeCase batch(1 + static_cast<int64_t>(random() % static_cast<unsigned>(mostTrees)), 1 + random() % 150);
  const SearchRules rules(random, batch.capacity);
  const int64_t leavesPerTree = random() % 3 == 0 ? 8 + random() % 16 : 1 + random() % 3;
  const bool discounted = random() % 2 == 0;
  for (int wave = 0; wave < waves; ++wave) {
    WaveCase now(random, batch, leavesPerTree);
    VlprmPuctSelect select = rules.select(batch, now);
    ops.select(select);
    now.makeChildren(random, batch);
    VlprmExpandNodes expand = {batch.trees, now.wave(), now.offsets.data(), now.priors.data(), now.firstChildren.data()};
    ops.expand(expand);
    const bool fails = random() % 8 == 0;
    VlprmValueBackup backUp = {batch.trees, now.wave(), fails ? nullptr : now.values.data(), discounted ? rules.discount.data() : nullptr, 1};
    ops.backUp(backUp);
  }
  return batch.memory;
}

}  // namespace vlprm::test
