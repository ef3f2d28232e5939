#include "test/mcLabelsCase.h"

namespace vlprm::test {

TEST_CASE("mcLabels counts and labels exactly on every instruction set, however rollouts come") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    for (unsigned seed = 0; seed < 120; ++seed) {
      McLabelsCase labels(seed, 300, static_cast<VlprmRollouts>(seed % 3));
      cpu::mcLabels(labels.op, {1, nullptr, kernels});
      checkMcLabels(labels);
    }
  }
}

TEST_CASE("mcLabels gives equal bits on every instruction set and number of threads") {
  for (const VlprmRollouts form : {VLPRM_GROUPED, VLPRM_KEYED, VLPRM_PACKED}) {
    McLabelsCase first(77, 40'000, form);
    cpu::mcLabels(first.op, {1, nullptr, everyIsa().front()});
    checkMcLabels(first);
    for (const cpu::Kernels* kernels : everyIsa()) {
      for (int threads = 1; threads <= 3; ++threads) {
        McLabelsCase other(77, 40'000, form);
        cpu::mcLabels(other.op, {threads, nullptr, kernels});
        CHECK(sameBits(first, other));
      }
    }
  }
}

TEST_CASE("mcLabels finds the first invalid outcome") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    for (const VlprmRollouts form : {VLPRM_GROUPED, VLPRM_KEYED}) {
      McLabelsCase labels(5, 30, form);
      for (size_t at = labels.outcomes.size(); at-- > 0;) {
        labels.outcomes[at] = at % 2 == 0 ? 4 : 255;
        cpu::mcLabels(labels.op, {2, nullptr, kernels});
        CHECK(labels.op.invalid == static_cast<int64_t>(at));
      }
    }
  }
}

TEST_CASE("mcLabels stops when it is aborted") {
  const std::atomic<int32_t> abort{1};
  McLabelsCase labels(5, 30, VLPRM_KEYED);
  CHECK(!cpu::mcLabels(labels.op, {2, &abort, nullptr}));
}

}  // namespace vlprm::test
