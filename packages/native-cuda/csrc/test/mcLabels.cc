#include "test/harness.h"

namespace vlprm::test {

namespace {

int64_t run(const cpu::Kernels* kernels, VlprmMcLabels op) {
  kernels->mcLabels(op);
  return op.invalid;
}

struct LabelCase {
  std::vector<uint8_t> outcomes;
  std::vector<int32_t> offsets = {0};
  std::vector<int32_t> counts[4];
  std::vector<float> rate, lower, upper;
  std::vector<int8_t> label;

  LabelCase(unsigned seed, int steps) {
    std::mt19937 random(seed);
    for (int s = 0; s < steps; ++s) {
      const int length = static_cast<int>(random() % (s % 9 == 0 ? 80 : 20));
      for (int i = 0; i < length; ++i) outcomes.push_back(static_cast<uint8_t>(random() % 4));
      offsets.push_back(static_cast<int32_t>(outcomes.size()));
    }
    const auto size = static_cast<size_t>(steps);
    for (std::vector<int32_t>& count : counts) count.assign(size, -7);
    for (std::vector<float>* out : {&rate, &lower, &upper}) out->assign(size, -7);
    label.assign(size, 99);
  }

  VlprmMcLabels op() {
    return {outcomes.data(), offsets.data(), static_cast<int64_t>(label.size()), 1, 3, 1.96, counts[1].data(), counts[0].data(),
            counts[2].data(), counts[3].data(), rate.data(), lower.data(), upper.data(), label.data(), -7};
  }
};

void checkStep(const LabelCase& labels, size_t step) {
  int64_t counts[4] = {};
  for (int32_t i = labels.offsets[step]; i < labels.offsets[step + 1]; ++i) ++counts[labels.outcomes[static_cast<size_t>(i)]];
  for (int k = 0; k < 4; ++k) CHECK(labels.counts[k][step] == counts[k]);
  const int64_t completed = counts[0] + counts[1] + counts[2];
  CHECK(labels.label[step] == (completed == 0 ? 0 : 3 * counts[1] <= completed ? -1 : 1));
  const double n = static_cast<double>(completed), p = static_cast<double>(counts[1]) / n, z = 1.96;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n), half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  CHECK_NEAR(labels.rate[step], completed == 0 ? NAN : p, 1e-6);
  CHECK_NEAR(labels.lower[step], completed == 0 ? NAN : centre - half, 1e-6);
  CHECK_NEAR(labels.upper[step], completed == 0 ? NAN : centre + half, 1e-6);
}

}  // namespace

TEST_CASE("mcLabels counts and labels exactly on every instruction set") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    for (unsigned seed = 0; seed < 50; ++seed) {
      LabelCase labels(seed, 40);
      CHECK(run(kernels, labels.op()) == -1);
      for (size_t step = 0; step < labels.label.size(); ++step) checkStep(labels, step);
    }
  }
}

TEST_CASE("mcLabels gives equal bits on every instruction set") {
  LabelCase first(77, 500);
  run(everyIsa().front(), first.op());
  for (const cpu::Kernels* kernels : everyIsa()) {
    LabelCase other(77, 500);
    run(kernels, other.op());
    for (size_t step = 0; step < first.label.size(); ++step) {
      CHECK(first.lower[step] == other.lower[step] || std::isnan(first.lower[step]));
      CHECK(first.upper[step] == other.upper[step] || std::isnan(first.upper[step]));
    }
  }
}

TEST_CASE("mcLabels finds the first invalid outcome") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    LabelCase labels(5, 30);
    for (size_t at = labels.outcomes.size(); at-- > 0;) {
      labels.outcomes[at] = 4;
      CHECK(run(kernels, labels.op()) == static_cast<int64_t>(at));
    }
  }
}

}  // namespace vlprm::test
