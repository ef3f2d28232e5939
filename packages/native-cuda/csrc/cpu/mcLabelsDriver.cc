#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/kernels.h"
#include "ops/wilson.h"

namespace vlprm::cpu {

namespace {

constexpr int64_t STEPS = 8 * 1024;                // of a chunk
constexpr int64_t STEPS_PER_THREAD = 32 * 1024;    // below, waking another thread costs more than it saves
constexpr int64_t ROLLOUTS = 256 * 1024;           // of a chunk, when keyed
constexpr int64_t COUNTERS_AT_MOST = int64_t{1} << 24;  // of all threads, beyond the first

typedef std::vector<LabelEntry> Table;

// The intervals of the call with the rates and labels that belong to them.
Table labelTable(const VlprmMcLabels& op) {
  constexpr int64_t SIDE = VLPRM_INTERVAL_SIDE;
  Table table(SIDE * SIDE, LabelEntry{NAN, NAN, NAN, 0});
  for (int64_t completed = 1; completed < SIDE; ++completed) {
    for (int64_t correct = 0; correct <= completed; ++correct) {
      const int64_t at = completed * SIDE + correct;
      const double rate = static_cast<double>(correct) / static_cast<double>(completed);
      table[static_cast<size_t>(at)] = {static_cast<float>(rate), op.intervals[2 * at], op.intervals[2 * at + 1],
                                        stepLabel(correct, completed, op.numerator, op.denominator)};
    }
  }
  return table;
}

// The first invalid outcome, whichever thread meets it first.
class Invalid {
 public:
  void meet(int64_t at) {
    if (at < 0) return;
    int64_t known = first_.load(std::memory_order_relaxed);
    while (at < known && !first_.compare_exchange_weak(known, at, std::memory_order_relaxed)) {
    }
  }
  int64_t index() const {
    const int64_t first = first_.load(std::memory_order_relaxed);
    return first == NONE ? -1 : first;
  }

 private:
  static constexpr int64_t NONE = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> first_{NONE};
};

bool labelGroups(VlprmMcLabels& op, const Control& control) {
  const McLabelsKernels& run = *kernelsOf(control).mcLabels;
  const Table table = labelTable(op);
  Invalid invalid;
  const int threads = threadsFor(control, op.steps + op.rollouts / 32, STEPS_PER_THREAD);
  const bool whole = forEachRange(op.steps, STEPS, threads, control, [&](int, int64_t begin, int64_t end) {
    invalid.meet(run.steps(op, table.data(), begin, end));
  });
  op.invalid = invalid.index();
  return whole;
}

// Each thread counts into counters of its own; sums of integers do not depend on which thread counted what.
bool labelKeys(VlprmMcLabels& op, const Control& control) {
  const McLabelsKernels& run = *kernelsOf(control).mcLabels;
  const int64_t counters = 4 * op.steps;
  const int affordable = static_cast<int>(1 + COUNTERS_AT_MOST / std::max<int64_t>(counters, 1));
  const int threads = std::min({threadsFor(control, op.rollouts, ROLLOUTS), affordable, static_cast<int>(op.rollouts / ROLLOUTS + 1)});
  std::vector<std::vector<int32_t>> counted(static_cast<size_t>(threads), std::vector<int32_t>(static_cast<size_t>(counters)));
  Invalid invalid;
  const bool counting = forEachRange(op.rollouts, ROLLOUTS, threads, control, [&](int thread, int64_t begin, int64_t end) {
    invalid.meet(run.count(op, counted[static_cast<size_t>(thread)].data(), begin, end));
  });
  op.invalid = invalid.index();
  if (!counting || op.invalid >= 0) return counting;
  const Table table = labelTable(op);
  return forEachRange(op.steps, STEPS, threads, control, [&](int, int64_t begin, int64_t end) {
    std::vector<int32_t>& sums = counted.front();
    for (size_t thread = 1; thread < counted.size(); ++thread) {
      for (int64_t i = 4 * begin; i < 4 * end; ++i) sums[static_cast<size_t>(i)] += counted[thread][static_cast<size_t>(i)];
    }
    run.counters(op, table.data(), sums.data(), begin, end);
  });
}

}  // namespace

bool mcLabels(VlprmMcLabels& op, const Control& control) {
  return op.form == VLPRM_KEYED ? labelKeys(op, control) : labelGroups(op, control);
}

}  // namespace vlprm::cpu
