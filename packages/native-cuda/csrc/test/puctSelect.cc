#include "test/trees.h"

namespace vlprm::test {

namespace {

// One tree: a root with `count` children of equal prior, as often visited as `visits` says, each visit worth `value`.
struct Fan : TreeCase {
  explicit Fan(const std::vector<int32_t>& visits, double value = 0) : TreeCase(1, 64) {
    const auto count = static_cast<int32_t>(visits.size());
    trees.edges[0].firstChild = 1;
    trees.childCount[0] = static_cast<uint16_t>(count);
    trees.size[0] = 1 + count;
    for (int32_t child = 0; child < count; ++child) {
      trees.uplinks[1 + child].parent = 0;
      trees.edges[1 + child].prior = 0.25f;
      trees.edges[1 + child].visits = visits[static_cast<size_t>(child)];
      trees.valueSum[1 + child] = value * visits[static_cast<size_t>(child)];
      trees.edges[0].visits += visits[static_cast<size_t>(child)];
    }
  }
};

int32_t selected(Fan& fan, const cpu::Kernels* kernels, int32_t exploration) {
  int32_t leaf = -7, depth = -7;
  std::vector<double> factor(200, 10.0);
  const VlprmPuctSelect op = {fan.trees, {nullptr, &leaf, 1, 1}, &depth, factor.data(), 200, exploration, VLPRM_MEAN_VALUE, 0, 0, 0, 0, 64};
  kernels->puctSelect(op, 0, 1);
  CHECK(depth == 1);
  return leaf;
}

}  // namespace

TEST_CASE("puctSelect takes the least visited of equal children, the first of equally visited ones") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    for (int32_t exploration : {VLPRM_PUCT, VLPRM_UCT}) {
      for (size_t count = 1; count <= 13; ++count) {
        for (size_t least = 0; least < count; ++least) {
          std::vector<int32_t> visits(count, 3);
          visits[least] = 2;
          Fan fan(visits, 0.5);
          CHECK(selected(fan, kernels, exploration) == static_cast<int32_t>(1 + least));
          CHECK(fan.trees.edges[0].virtualVisits == 1 && fan.trees.edges[1 + least].virtualVisits == 1);
        }
        Fan equal(std::vector<int32_t>(count, 3));
        CHECK(selected(equal, kernels, exploration) == 1);
      }
    }
  }
}

TEST_CASE("1,000 random searches leave equal bits on every instruction set") {
  const std::vector<const cpu::Kernels*> all = everyIsa();
  for (unsigned seed = 0; seed < 1000; ++seed) {
    const std::vector<int64_t> first = search(seed, 20, 6, TreeOps::of(all.front()));
    for (const cpu::Kernels* kernels : all) CHECK(search(seed, 20, 6, TreeOps::of(kernels)) == first);
  }
}

TEST_CASE("searches leave equal bits on any number of threads, 20 times over") {
  for (unsigned seed = 0; seed < 5; ++seed) {
    const std::vector<int64_t> one = search(seed, 400, 8, TreeOps::withThreads(1));
    for (int repeat = 0; repeat < 20; ++repeat)
      for (int threads : {1, 2, 3}) CHECK(search(seed, 400, 8, TreeOps::withThreads(threads)) == one);
  }
}

TEST_CASE("an aborted op on trees changes nothing") {
  Fan fan({1, 2, 3});
  const std::vector<int64_t> before = fan.memory;
  const std::atomic<int32_t> raised{1};
  cpu::Control control;
  control.abort = &raised;
  int32_t leaf = 1, depth = 0;
  const double factor[16] = {}, value = 1;
  VlprmPuctSelect select = {fan.trees, {nullptr, &leaf, 1, 1}, &depth, factor, 16, VLPRM_PUCT, VLPRM_MEAN_VALUE, 0, 0, 0, 0, 64};
  VlprmValueBackup backUp = {fan.trees, {nullptr, &leaf, 1, 1}, &value, nullptr, 1};
  CHECK(!cpu::puctSelect(select, control));
  CHECK(!cpu::valueBackup(backUp, control));
  CHECK(fan.memory == before);
}

}  // namespace vlprm::test
