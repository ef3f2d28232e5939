#include <math.h>
#include <string.h>

#include "cpu/kernels.h"

namespace {

struct Interval {
  float rate;
  float lower;
  float upper;
};

double clampUnit(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

// The operations and their order are those of src/js/mcLabels.ts, without fused multiply-add, so that the bits agree.
Interval wilson(int64_t correctCount, int64_t completedCount, double z) {
  const double correct = static_cast<double>(correctCount);
  const double completed = static_cast<double>(completedCount);
  const double squared = z * z;
  const double total = completed + squared;
  const double centre = (correct + squared / 2) / total;
  const double half = (z / total) * sqrt((correct * (completed - correct)) / completed + squared / 4);
  return {static_cast<float>(correct / completed), static_cast<float>(correctCount == 0 ? 0 : clampUnit(centre - half)),
          static_cast<float>(correctCount == completedCount ? 1 : clampUnit(centre + half))};
}

// Rollouts per step are few and their counts repeat, so intervals of short steps are computed once and looked up.
constexpr int64_t TABLE_SIDE = 33;

struct IntervalTable {
  double z;
  bool known[TABLE_SIDE][TABLE_SIDE];
  Interval entries[TABLE_SIDE][TABLE_SIDE];

  Interval find(int64_t correct, int64_t completed) {
    if (completed >= TABLE_SIDE) return wilson(correct, completed, z);
    if (!known[completed][correct]) {
      known[completed][correct] = true;
      entries[completed][correct] = wilson(correct, completed, z);
    }
    return entries[completed][correct];
  }
};

struct Counts {
  uint64_t correct;
  uint64_t unparsable;
  uint64_t failed;
  bool valid;
};

constexpr uint64_t ONES = 0x0101010101010101u;

// Sum of eight bytes that are 0 or 1.
uint64_t sumBytes(uint64_t bytes) { return (bytes * ONES) >> 56; }

// Eight outcomes at once: bit 0 is set in 1 and 3, bit 1 in 2 and 3.
void addWord(uint64_t word, Counts& counts) {
  const uint64_t low = word & ONES;
  const uint64_t high = (word >> 1) & ONES;
  const uint64_t failed = sumBytes(low & high);
  counts.correct += sumBytes(low) - failed;
  counts.unparsable += sumBytes(high) - failed;
  counts.failed += failed;
  counts.valid = counts.valid && (word & ~(3 * ONES)) == 0;
}

uint64_t loadWord(const uint8_t* from) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  return word;
}

// The last 1..7 outcomes of a step; `readable` bytes lie behind `from`. Zeros are added, which count as nothing.
uint64_t loadPartialWord(const uint8_t* from, int64_t count, int64_t readable) {
  if (readable >= 8) return loadWord(from) & ((uint64_t{1} << (8 * count)) - 1);
  uint64_t word = 0;
  for (int64_t i = 0; i < count; ++i) word |= static_cast<uint64_t>(from[i]) << (8 * i);
  return word;
}

Counts countOutcomes(const uint8_t* from, int64_t count, int64_t readable) {
  Counts counts = {0, 0, 0, true};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) addWord(loadWord(from + i), counts);
  if (i < count) addWord(loadPartialWord(from + i, count - i, readable - i), counts);
  return counts;
}

int64_t firstInvalid(const VlprmMcLabels& op, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    if (op.outcomes[i] > 3) return i;
  }
  return -1;
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

// Little-endian words only; big-endian machines take the js backend (CMakeLists.txt).
void mcLabels(VlprmMcLabels& op) {
  op.invalid = -1;
  IntervalTable table;
  table.z = op.z;
  memset(table.known, 0, sizeof table.known);
  const int64_t rollouts = op.offsets[op.steps];
  for (int64_t step = 0; step < op.steps; ++step) {
    const int64_t begin = op.offsets[step];
    const int64_t end = op.offsets[step + 1];
    const Counts counts = countOutcomes(op.outcomes + begin, end - begin, rollouts - begin);
    if (!counts.valid) {
      op.invalid = firstInvalid(op, begin, end);
      return;
    }
    const int64_t correct = static_cast<int64_t>(counts.correct);
    const int64_t completed = end - begin - static_cast<int64_t>(counts.failed);
    op.correct[step] = static_cast<int32_t>(correct);
    op.incorrect[step] = static_cast<int32_t>(completed - correct - static_cast<int64_t>(counts.unparsable));
    op.unparsable[step] = static_cast<int32_t>(counts.unparsable);
    op.failed[step] = static_cast<int32_t>(counts.failed);
    const Interval interval = completed == 0 ? Interval{NAN, NAN, NAN} : table.find(correct, completed);
    op.rate[step] = interval.rate;
    op.lower[step] = interval.lower;
    op.upper[step] = interval.upper;
    op.label[step] = completed == 0 ? 0 : correct * op.denominator <= op.numerator * completed ? -1 : 1;
  }
}

}  // namespace vlprm::cpu::VLPRM_ISA
