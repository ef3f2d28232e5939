#include "test/trees.h"

namespace vlprm::test {

TEST_CASE("expandNodes makes consecutive children once, and terminal nodes of leaves without any") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    TreeCase batch(2, 16);
    std::vector<int32_t> leaves = {0, 0, -1, 0, 0, -1}, first(6, -7);
    const std::vector<int32_t> offsets = {0, 3, 5, 5, 5, 7, 9};
    const std::vector<float> priors = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f, 0.9f};
    const VlprmExpandNodes op = {batch.trees, {nullptr, leaves.data(), 2, 3}, offsets.data(), priors.data(), first.data()};
    kernels->expandNodes(op, 0, 2);
    CHECK(first == (std::vector<int32_t>{1, -1, -1, -1, -1, -1}));
    CHECK(batch.trees.size[0] == 4 && batch.trees.size[1] == 1);
    CHECK(batch.trees.edges[0].firstChild == 1 && batch.trees.childCount[0] == 3);
    CHECK(batch.trees.edges[16].firstChild == -1 && batch.trees.childCount[16] == 0);
    for (int32_t child = 0; child < 3; ++child) {
      CHECK(batch.trees.uplinks[1 + child].parent == 0);
      CHECK(batch.trees.edges[1 + child].prior == priors[static_cast<size_t>(child)]);
      CHECK(batch.trees.edges[1 + child].firstChild == 0);
    }
  }
}

}  // namespace vlprm::test
