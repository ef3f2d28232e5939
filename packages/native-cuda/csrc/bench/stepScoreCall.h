// A stepScore call with its memory but for the rows.
#pragma once
#include <string>

#include "bench/pool.h"
#include "ops/stepScore.h"

namespace vlprm::bench {

struct StepScoreShape {
  int32_t dtype;
  int64_t width;
  int64_t steps;
  int64_t stride = 1;      // 16: every sixteenth row is a step
  int64_t others = 1;      // labels - 1
  int64_t hiddenSize = 0;  // > 0: a two-layer head
  bool resident = false;   // the same rows in every sample
};

inline const char* dtypeName(int32_t dtype) { return dtype == VLPRM_F32 ? "f32" : dtype == VLPRM_BF16 ? "bf16" : "f16"; }

// 16-bit patterns of numbers between -2 and 2.
inline std::vector<uint16_t> halves(int32_t dtype) {
  std::mt19937 random(2);
  std::vector<uint16_t> values(8191);
  for (uint16_t& value : values) {
    const auto bits = static_cast<uint16_t>(random());
    value = static_cast<uint16_t>(dtype == VLPRM_BF16 ? (bits & 0x807f) | 0x3f80 : (bits & 0x83ff) | 0x3c00);
  }
  return values;
}

// Candidates of 12 steps, problems of 8 candidates, and room for everything that is written.
struct StepScoreCall {
  static constexpr int64_t CANDIDATE_STEPS = 12;
  static constexpr int64_t PROBLEM_CANDIDATES = 8;

  std::vector<float> rows, head;
  std::vector<double> bias;
  std::vector<int32_t> positions, candidateOffsets, problemOffsets, answers, firstError, best, vote;
  std::vector<float> logit, probability, logProbability, aggregates[VLPRM_AGGREGATES];
  VlprmStepScore op = {};

  explicit StepScoreCall(const StepScoreShape& shape) {
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

  StepScoreCall(const StepScoreCall&) = delete;
  StepScoreCall& operator=(const StepScoreCall&) = delete;

 private:
  static std::vector<int32_t> offsets(int64_t count, int64_t each) {
    std::vector<int32_t> list;
    for (int64_t at = 0; at < count; at += each) list.push_back(static_cast<int32_t>(at));
    list.push_back(static_cast<int32_t>(count));
    return list;
  }

  void describe(const StepScoreShape& shape) {
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

inline std::string nameOf(const StepScoreShape& shape) {
  std::string name = std::string("stepScore ") + dtypeName(shape.dtype) + " " + std::to_string(shape.steps) + "x" + std::to_string(shape.width);
  if (shape.stride > 1) name += " of every " + std::to_string(shape.stride) + "th row";
  if (shape.others > 1) name += ", " + std::to_string(shape.others + 1) + " labels";
  if (shape.hiddenSize > 0) name += " head " + std::to_string(shape.hiddenSize);
  if (shape.resident) name += ", cached";
  return name;
}

}  // namespace vlprm::bench
