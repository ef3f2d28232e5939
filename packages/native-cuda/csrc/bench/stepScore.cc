#include <cstdlib>

#include "bench/bench.h"
#include "bench/pool.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

namespace {

struct Shape {
  int32_t dtype;
  int64_t width;
  int64_t steps;
  int64_t stride = 1;      // 16: every sixteenth row is a step
  int64_t others = 1;      // labels - 1
  int64_t hiddenSize = 0;  // > 0: a two-layer head
  bool resident = false;   // the same rows in every sample
};

const char* dtypeName(int32_t dtype) { return dtype == VLPRM_F32 ? "f32" : dtype == VLPRM_BF16 ? "bf16" : "f16"; }

// 16-bit patterns of numbers between -2 and 2.
std::vector<uint16_t> halves(int32_t dtype) {
  std::mt19937 random(2);
  std::vector<uint16_t> values(8191);
  for (uint16_t& value : values) {
    const auto bits = static_cast<uint16_t>(random());
    value = static_cast<uint16_t>(dtype == VLPRM_BF16 ? (bits & 0x807f) | 0x3f80 : (bits & 0x83ff) | 0x3c00);
  }
  return values;
}

// Candidates of 12 steps, problems of 8 candidates, and room for everything that is written.
struct Call {
  static constexpr int64_t CANDIDATE_STEPS = 12;
  static constexpr int64_t PROBLEM_CANDIDATES = 8;

  std::vector<float> rows, head;
  std::vector<double> bias;
  std::vector<int32_t> positions, candidateOffsets, problemOffsets, answers, firstError, best, vote;
  std::vector<float> logit, probability, logProbability, aggregates[VLPRM_AGGREGATES];
  VlprmStepScore op = {};

  explicit Call(const Shape& shape) {
    const auto steps = static_cast<size_t>(shape.steps);
    candidateOffsets = offsets(shape.steps, CANDIDATE_STEPS);
    problemOffsets = offsets(static_cast<int64_t>(candidateOffsets.size()) - 1, PROBLEM_CANDIDATES);
    const size_t candidates = candidateOffsets.size() - 1;
    for (size_t c = 0; c < candidates; ++c) answers.push_back(static_cast<int32_t>(c % 3));
    for (int64_t s = 0; s < shape.steps && shape.stride > 1; ++s) positions.push_back(static_cast<int32_t>(s * shape.stride));
    rows = normals(static_cast<size_t>(shape.others * shape.width), 0.02f, 3);
    bias.assign(static_cast<size_t>(shape.others), 0);
    head = normals(static_cast<size_t>(shape.hiddenSize * (shape.width + 2) + 1), 0.05f, 4);
    logit.resize(steps);
    probability.resize(steps);
    logProbability.resize(steps * static_cast<size_t>(shape.others + 1));
    for (std::vector<float>& aggregate : aggregates) aggregate.resize(candidates);
    firstError.resize(candidates);
    best.resize(problemOffsets.size() - 1);
    vote.resize(best.size());
    describe(shape);
  }

  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  static std::vector<int32_t> offsets(int64_t count, int64_t each) {
    std::vector<int32_t> list;
    for (int64_t at = 0; at < count; at += each) list.push_back(static_cast<int32_t>(at));
    list.push_back(static_cast<int32_t>(count));
    return list;
  }

  void describe(const Shape& shape) {
    op.positions = positions.empty() ? nullptr : positions.data();
    op.rows = shape.hiddenSize > 0 ? nullptr : rows.data();
    op.bias = bias.data();
    op.head = shape.hiddenSize > 0 ? head.data() : nullptr;
    op.width = shape.width;
    op.steps = shape.steps;
    op.others = shape.others;
    op.hiddenSize = shape.hiddenSize;
    op.candidates = static_cast<int64_t>(answers.size());
    op.problems = static_cast<int64_t>(best.size());
    op.temperature = 1;
    op.threshold = 0.5;
    op.dtype = shape.dtype;
    op.selectBy = VLPRM_MEAN;
    op.candidateOffsets = candidateOffsets.data();
    op.problemOffsets = problemOffsets.data();
    op.answers = answers.data();
    op.logit = logit.data();
    op.probability = probability.data();
    op.logProbability = logProbability.data();
    for (int k = 0; k < VLPRM_AGGREGATES; ++k) op.aggregates[k] = aggregates[k].data();
    op.firstError = firstError.data();
    op.best = best.data();
    op.vote = vote.data();
  }
};

std::string nameOf(const Shape& shape) {
  std::string name = std::string("stepScore ") + dtypeName(shape.dtype) + " " + std::to_string(shape.steps) + "x" + std::to_string(shape.width);
  if (shape.stride > 1) name += " of every " + std::to_string(shape.stride) + "th row";
  if (shape.others > 1) name += ", " + std::to_string(shape.others + 1) + " labels";
  if (shape.hiddenSize > 0) name += " head " + std::to_string(shape.hiddenSize);
  if (shape.resident) name += ", cached";
  return name;
}

template <class Element>
void measure(Report& report, const Shape& shape, const std::vector<Element>& pattern) {
  if (!report.wants(nameOf(shape))) return;
  Pool<Element> pool(shape.steps * shape.stride * shape.width, pattern);
  Call call(shape);
  const int64_t rowBytes = shape.width * static_cast<int64_t>(sizeof(Element));
  const int64_t bytes = shape.steps * rowBytes;
  // Successive samples gather different rows of a window.
  const auto window = [&](int64_t sample) {
    if (shape.resident) return reinterpret_cast<const char*>(pool.window(0));
    return reinterpret_cast<const char*>(pool.window(sample)) + sample % shape.stride * rowBytes;
  };
  // Gathered rows lie apart, and so they are read.
  const cpu::Kernels* found[4];
  const cpu::Kernels& widest = *found[cpu::everyKernels(found) - 1];
  const auto floor = [&](int64_t sample, int threads) {
    if (shape.stride == 1) {
      cpu::readFloor(window(sample), bytes, threads);
      return;
    }
    cpu::forEachRange(shape.steps, 128, threads, {}, [&](int, int64_t begin, int64_t end) {
      for (int64_t step = begin; step < end; ++step) widest.readFloor(window(sample) + step * shape.stride * rowBytes, rowBytes);
    });
  };
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    report.compare({nameOf(shape) + on, "cpu backend" + on,
                    std::to_string(shape.steps) + " steps of width " + std::to_string(shape.width) + ": probabilities, all aggregates, choice and vote",
                    static_cast<double>(bytes),
                    [&](int64_t sample) {
                      call.op.hidden = window(sample);
                      if (!cpu::stepScore(call.op, {threads})) std::abort();
                    },
                    {{"read floor, same bytes" + on, "floor", [&](int64_t sample) { floor(sample, threads); }}}});
  }
}

void measure(Report& report, const Shape& shape) {
  if (shape.dtype == VLPRM_F32) {
    measure(report, shape, normals(8191, 1, 1));
  } else {
    measure(report, shape, halves(shape.dtype));
  }
}

}  // namespace

BENCH("stepScore") {
  for (const int32_t dtype : {VLPRM_F32, VLPRM_BF16, VLPRM_F16}) {
    measure(report, {dtype, 3584, 4096});
    measure(report, {dtype, 3584, 2500, 16});
  }
  measure(report, {VLPRM_BF16, 3584, 100'000});
  measure(report, {VLPRM_BF16, 3584, 256});
  measure(report, {VLPRM_BF16, 3584, 64, 1, 1, 0, true});
  for (const int64_t width : {2048, 8192}) measure(report, {VLPRM_BF16, width, 4096});
  measure(report, {VLPRM_F32, 8192, 4096});
  measure(report, {VLPRM_BF16, 3584, 4096, 1, 4});
  measure(report, {VLPRM_F32, 110, 16'384});
  measure(report, {VLPRM_F32, 110, 16'384, 1, 1, 64});
}

}  // namespace vlprm::bench
