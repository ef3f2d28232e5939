#include <cstdlib>

#include "bench/bench.h"
#include "bench/pool.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

namespace {

struct Outputs {
  std::vector<int32_t> counts[4];
  std::vector<float> rates[3];
  std::vector<int8_t> label;

  explicit Outputs(size_t steps) : label(steps) {
    for (std::vector<int32_t>& count : counts) count.resize(steps);
    for (std::vector<float>& rate : rates) rate.resize(steps);
  }

  void describe(VlprmMcLabels& op) {
    op.correct = counts[0].data();
    op.incorrect = counts[1].data();
    op.unparsable = counts[2].data();
    op.failed = counts[3].data();
    op.rate = rates[0].data();
    op.lower = rates[1].data();
    op.upper = rates[2].data();
    op.label = label.data();
  }
};

// Rollouts of ragged steps, 8 on average, in order of their steps; keyed: the same rollouts with the number of their step each.
void measure(Report& report, VlprmRollouts form, int64_t steps) {
  const std::string name = std::string("mcLabels ") + (form == VLPRM_KEYED ? "keyed " : "grouped ") + std::to_string(steps) + "x8";
  if (!report.wants(name)) return;
  std::mt19937 random(4);
  std::vector<int32_t> offsets = {0}, keys;
  for (int64_t step = 0; step < steps; ++step) offsets.push_back(offsets.back() + static_cast<int32_t>(1 + random() % 15));
  const int64_t rollouts = offsets.back();
  std::vector<uint8_t> outcomes(static_cast<size_t>(rollouts));
  for (uint8_t& outcome : outcomes) outcome = random() % 5 < 3 ? 1 : static_cast<uint8_t>(random() % 4);
  if (form == VLPRM_KEYED) {
    for (int64_t i = 0; i < rollouts; ++i) keys.push_back(static_cast<int32_t>(random() % static_cast<uint64_t>(steps)));
  }
  const std::vector<float> intervals(2 * VLPRM_INTERVAL_SIDE * VLPRM_INTERVAL_SIDE, 0.5f);
  Outputs outputs(static_cast<size_t>(steps));
  VlprmMcLabels op = {};
  op.form = form;
  op.outcomes = outcomes.data();
  op.offsets = form == VLPRM_KEYED ? nullptr : offsets.data();
  op.keys = form == VLPRM_KEYED ? keys.data() : nullptr;
  op.rollouts = rollouts;
  op.steps = steps;
  op.denominator = 1;
  op.z = 1.96;
  op.intervals = intervals.data();
  outputs.describe(op);
  const int64_t read = rollouts + (form == VLPRM_KEYED ? 4 * rollouts : 4 * steps);
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    // What is read is read from one array, what is written is written to eight.
    const Run floor = [&](int64_t sample) {
      cpu::readFloor(reinterpret_cast<const char*>(outcomes.data()), rollouts, threads);
      const void* rest = form == VLPRM_KEYED ? static_cast<const void*>(keys.data()) : offsets.data();
      cpu::readFloor(static_cast<const char*>(rest), read - rollouts, threads);
      cpu::forEachRange(steps, 1 << 16, threads, {}, [&](int, int64_t begin, int64_t end) {
        const auto at = static_cast<size_t>(begin);
        const size_t bytes = static_cast<size_t>(end - begin) * 4;
        for (std::vector<int32_t>& count : outputs.counts) std::memset(count.data() + at, static_cast<int>(sample), bytes);
        for (std::vector<float>& rate : outputs.rates) std::memset(rate.data() + at, static_cast<int>(sample), bytes);
        std::memset(outputs.label.data() + at, static_cast<int>(sample), bytes / 4);
      });
    };
    report.compare({name + on, "cpu backend" + on, std::to_string(rollouts) + " rollouts: counts, rates, Wilson intervals, labels",
                    static_cast<double>(read + 29 * steps),
                    [&](int64_t) {
                      if (!cpu::mcLabels(op, {threads})) std::abort();
                    },
                    {{"read of the inputs and fill of the outputs" + on, "floor", floor}}});
  }
}

}  // namespace

BENCH("mcLabels") {
  measure(report, VLPRM_GROUPED, 12'500'000);
  measure(report, VLPRM_KEYED, 1'000'000);
}

}  // namespace vlprm::bench
