#include "test/trees.h"

namespace vlprm::test {

namespace {

// A tree of random shape that fills its capacity.
void grow(std::mt19937& random, TreeCase& batch) {
  VlprmTrees& trees = batch.trees;
  for (int64_t tree = 0; tree < trees.trees; ++tree) {
    while (trees.size[tree] < batch.capacity) {
      int32_t leaf = static_cast<int32_t>(random() % static_cast<unsigned>(trees.size[tree])), first = 0;
      const int64_t room = batch.capacity - trees.size[tree];
      const auto index = static_cast<int32_t>(tree);
      const std::vector<int32_t> offsets = {0, static_cast<int32_t>(std::min<int64_t>(room, 1 + random() % 5))};
      const std::vector<float> priors(5, 0.25f);
      const VlprmExpandNodes op = {trees, {&index, &leaf, 1, 1}, offsets.data(), priors.data(), &first};
      cpu::kernels().expandNodes(op, 0, 1);
    }
  }
}

// The definition: integers of 2^-30, leaf by leaf, node by node.
struct Defined {
  std::vector<int64_t> sum, max, visits;

  Defined(const VlprmTrees& trees, const WaveCase& wave, double discount)
      : sum(static_cast<size_t>(trees.trees * trees.stride)), max(sum.size(), -(int64_t{1} << 30)), visits(sum.size()) {
    for (size_t entry = 0; entry < wave.leaves.size(); ++entry) {
      const int64_t base = wave.listed[entry / static_cast<size_t>(wave.leavesPerTree)] * trees.stride;
      double power = 1;
      for (int32_t node = wave.leaves[entry]; node >= 0; node = trees.uplinks[base + node].parent, power *= discount) {
        const auto at = static_cast<size_t>(base + node);
        const int64_t units = std::llrint(wave.values[entry] * power * 1073741824.0);
        sum[at] += units;
        max[at] = std::max(max[at], units);
        ++visits[at];
      }
    }
  }
};

void checkBackup(unsigned seed, const cpu::Kernels* kernels) {
  std::mt19937 random(seed);
  TreeCase batch(1 + random() % 30, 1 + random() % 300);
  grow(random, batch);
  WaveCase wave(random, batch, 1 + random() % (seed % 2 == 0 ? 4 : 80));
  for (int32_t& leaf : wave.leaves) leaf = static_cast<int32_t>(random() % static_cast<unsigned>(batch.capacity + 1)) - 1;
  const double discount = seed % 3 == 0 ? 0.9 : 1;
  std::vector<double> powers = {1};
  while (discount < 1 && powers.size() < static_cast<size_t>(batch.capacity)) powers.push_back(powers.back() * discount);
  VlprmValueBackup op = {batch.trees, wave.wave(), wave.values.data(), discount < 1 ? powers.data() : nullptr, 0};
  TreeOps::of(kernels).backUp(op);
  const Defined defined(batch.trees, wave, discount);
  for (size_t at = 0; at < defined.sum.size(); ++at) {
    CHECK(batch.trees.edges[at].visits == defined.visits[at]);
    CHECK(batch.trees.valueSum[at] * 1073741824.0 == static_cast<double>(defined.sum[at]));
    CHECK(static_cast<int64_t>(batch.trees.uplinks[at].valueMax) == defined.max[at] + (int64_t{1} << 30));
  }
}

}  // namespace

TEST_CASE("valueBackup is exact on 1,000 random waves, whether it walks paths or sweeps") {
  for (const cpu::Kernels* kernels : everyIsa())
    for (unsigned seed = 0; seed < 1000; ++seed) checkBackup(seed, kernels);
}

}  // namespace vlprm::test
