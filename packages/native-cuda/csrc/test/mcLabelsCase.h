// A random case of mcLabels with poisoned outputs, and its check against the definition.
#pragma once
#include <array>
#include <cstring>

#include "test/harness.h"

namespace vlprm::test {

struct McLabelsCase {
  std::vector<uint8_t> outcomes;  // a byte each, in the order of the steps unless keyed
  std::vector<uint8_t> bits;
  std::vector<int32_t> offsets = {0};
  std::vector<int32_t> keys;
  std::vector<float> intervals;
  std::vector<int32_t> counts[4];
  std::vector<float> rate, lower, upper;
  std::vector<int8_t> label;
  VlprmMcLabels op;

  // Every third seed has steps of equal length.
  McLabelsCase(unsigned seed, int64_t steps, VlprmRollouts form) {
    std::mt19937 random(seed);
    const unsigned values = form == VLPRM_PACKED ? 2 : 4;
    const int equal = seed % 9 < 3 ? 0 : static_cast<int>(8 << seed % 3);
    for (int64_t s = 0; s < steps; ++s) {
      const int length = equal > 0 && s < steps - 7 ? equal : static_cast<int>(random() % (s % 9 == 0 ? 150 : 20));
      for (int i = 0; i < length; ++i) outcomes.push_back(static_cast<uint8_t>(random() % values));
      keys.insert(keys.end(), static_cast<size_t>(length), static_cast<int32_t>(s));
      offsets.push_back(static_cast<int32_t>(outcomes.size()));
    }
    bits.assign((outcomes.size() + 7) / 8, 0);
    for (size_t i = 0; i < outcomes.size(); ++i) bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | (outcomes[i] & 1) << i % 8);
    if (form == VLPRM_KEYED) {
      for (size_t i = outcomes.size(); i > 1; --i) {
        const size_t j = random() % i;
        std::swap(outcomes[i - 1], outcomes[j]);
        std::swap(keys[i - 1], keys[j]);
      }
    }
    for (int i = 0; i < VLPRM_INTERVAL_SIDE * VLPRM_INTERVAL_SIDE * 2; ++i) intervals.push_back(i < 2 ? NAN : static_cast<float>(i));
    const auto size = static_cast<size_t>(steps);
    for (std::vector<int32_t>& count : counts) count.assign(size, -7);
    for (std::vector<float>* out : {&rate, &lower, &upper}) out->assign(size, -7);
    label.assign(size, 99);
    op = {form, form == VLPRM_PACKED ? bits.data() : outcomes.data(), form == VLPRM_KEYED ? nullptr : offsets.data(),
          form == VLPRM_KEYED ? keys.data() : nullptr, static_cast<int64_t>(outcomes.size()), steps, 1, 3, 1.96, intervals.data(),
          counts[1].data(), counts[0].data(), counts[2].data(), counts[3].data(), rate.data(), lower.data(), upper.data(), label.data(), -7};
  }
  McLabelsCase(const McLabelsCase&) = delete;
  McLabelsCase& operator=(const McLabelsCase&) = delete;
};

inline void checkMcLabels(const McLabelsCase& labels) {
  std::vector<std::array<int64_t, 4>> expected(labels.label.size());
  for (size_t i = 0; i < labels.outcomes.size(); ++i) ++expected[static_cast<size_t>(labels.keys[i])][labels.outcomes[i]];
  bool counted = true;
  bool labelled = true;
  bool looked = true;
  for (size_t step = 0; step < expected.size(); ++step) {
    const std::array<int64_t, 4>& counts = expected[step];
    for (size_t k = 0; k < 4; ++k) counted = counted && labels.counts[k][step] == counts[k];
    const int64_t completed = counts[0] + counts[1] + counts[2];
    labelled = labelled && labels.label[step] == (completed == 0 ? 0 : 3 * counts[1] <= completed ? -1 : 1);
    const double n = static_cast<double>(completed), p = static_cast<double>(counts[1]) / n, z = 1.96;
    looked = looked && (completed == 0 ? std::isnan(labels.rate[step]) : labels.rate[step] == static_cast<float>(p));
    const auto at = static_cast<float>(2 * (completed * VLPRM_INTERVAL_SIDE + counts[1]));
    const double centre = (p + z * z / (2 * n)) / (1 + z * z / n), half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    if (completed == 0) {
      looked = looked && std::isnan(labels.lower[step]) && std::isnan(labels.upper[step]);
    } else if (completed < VLPRM_INTERVAL_SIDE) {
      looked = looked && labels.lower[step] == at && labels.upper[step] == at + 1;
    } else {
      looked = looked && std::abs(labels.lower[step] - (centre - half)) < 1e-6 && std::abs(labels.upper[step] - (centre + half)) < 1e-6;
    }
  }
  CHECK(labels.op.invalid == -1);
  CHECK(counted);
  CHECK(labelled);
  CHECK(looked);
}

template <class T>
bool sameBytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

inline bool sameBits(const McLabelsCase& a, const McLabelsCase& b) {
  bool same = sameBytes(a.rate, b.rate) && sameBytes(a.lower, b.lower) && sameBytes(a.upper, b.upper) && sameBytes(a.label, b.label);
  for (size_t k = 0; k < 4; ++k) same = same && sameBytes(a.counts[k], b.counts[k]);
  return same;
}

}  // namespace vlprm::test
