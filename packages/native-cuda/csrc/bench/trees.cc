// Searches of many trees at once: select a leaf in each, give it children, back its value up.
#include <cmath>
#include <cstdlib>

#include "bench/bench.h"
#include "bench/pool.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

namespace {

struct Search {
  static constexpr int64_t FACTORS = 4096;

  int64_t trees;
  int64_t capacity;
  int64_t children;
  int64_t leavesPerTree;
  std::vector<int64_t> memory;
  std::vector<int32_t> leaves, depths, offsets, firstChildren;
  std::vector<float> priors;
  std::vector<double> values, factor;
  cpu::Control control;

  Search(int64_t trees_, int64_t capacity_, int64_t children_, int64_t leavesPerTree_, int threads)
      : trees(trees_), capacity(capacity_), children(children_), leavesPerTree(leavesPerTree_), memory(static_cast<size_t>(vlprmTreesBytes(trees, capacity) + 7) / 8) {
    control.threads = threads;
    const auto entries = static_cast<size_t>(trees * leavesPerTree);
    leaves.resize(entries);
    depths.resize(entries);
    firstChildren.resize(entries);
    std::mt19937 random(1);
    for (size_t i = 0; i <= entries; ++i) offsets.push_back(static_cast<int32_t>(i) * static_cast<int32_t>(children));
    for (size_t i = 0; i < entries * static_cast<size_t>(children); ++i) priors.push_back(static_cast<float>(random() % 1000 + 1) / 1000);
    for (size_t i = 0; i < entries; ++i) values.push_back(static_cast<double>(random()) / 2147483648.0 - 1);
    for (int64_t n = 0; n < FACTORS; ++n) factor.push_back(1.25 * std::sqrt(static_cast<double>(n)));
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  VlprmTrees batch() { return vlprmTrees(memory.data(), trees, capacity); }
  VlprmWave wave() { return {nullptr, leaves.data(), trees, leavesPerTree}; }

  void clear() {
    std::fill(memory.begin(), memory.end(), 0);
    const VlprmTrees cleared = batch();
    for (int64_t tree = 0; tree < trees; ++tree) {
      cleared.uplinks[tree * capacity].parent = -1;
      cleared.edges[tree * capacity].prior = 1;
      cleared.size[tree] = 1;
    }
  }

  void select() {
    VlprmPuctSelect op = {};
    op.trees = batch();
    op.wave = wave();
    op.depths = depths.data();
    op.factor = factor.data();
    op.factors = FACTORS;
    op.virtualValue = -1;
    op.capacity = capacity;
    if (!cpu::puctSelect(op, control)) std::abort();
  }

  void expand() {
    VlprmExpandNodes op = {batch(), wave(), offsets.data(), priors.data(), firstChildren.data()};
    if (!cpu::expandNodes(op, control)) std::abort();
  }

  // `pending`: the leaves were selected.
  void backUp(bool pending) {
    VlprmValueBackup op = {batch(), wave(), values.data(), nullptr, pending};
    if (!cpu::valueBackup(op, control)) std::abort();
  }

  void run(int waves) {
    clear();
    for (int i = 0; i < waves; ++i) {
      select();
      expand();
      backUp(true);
    }
  }
};

void measureSearch(Report& report, int64_t trees, int waves, int64_t children) {
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    Search search(trees, waves * children + 1, children, 1, threads);
    report.compare({"trees search " + std::to_string(trees) + "x" + std::to_string(waves) + "x" + std::to_string(children) + on, "cpu backend" + on,
                    std::to_string(trees * waves) + " simulations, each selects a leaf by PUCT, gives it children and backs a value up", 0,
                    [&](int64_t) { search.run(waves); }, {}, 10});
  }
}

// The same leaves again and again, so that only visits and values change.
void measureBackup(Report& report, int64_t trees, int64_t leavesPerTree) {
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    constexpr int64_t CHILDREN = 4;
    constexpr int WAVES = 127;
    Search search(trees, WAVES * CHILDREN + 1, CHILDREN, 1, threads);
    search.run(WAVES);
    search.leavesPerTree = leavesPerTree;
    search.leaves.resize(static_cast<size_t>(trees * leavesPerTree));
    search.values.resize(search.leaves.size(), 0.5);
    for (size_t i = 0; i < search.leaves.size(); ++i) search.leaves[i] = static_cast<int32_t>(search.capacity - 1 - static_cast<int64_t>(i) % leavesPerTree);
    report.compare({"trees backup " + std::to_string(trees) + "x" + std::to_string(search.capacity) + ", " + std::to_string(leavesPerTree) + " leaves" + on,
                    "cpu backend" + on, std::to_string(trees * leavesPerTree) + " leaves backed up to their roots", 0,
                    [&](int64_t) { search.backUp(false); }, {}});
  }
}

}  // namespace

BENCH("trees") {
  measureSearch(report, 64, 256, 4);
  measureSearch(report, 1024, 256, 4);
  measureBackup(report, 4096, 1);
  measureBackup(report, 4096, 64);
}

}  // namespace vlprm::bench
