// A random stepScore call with its memory, and what float64 makes of it.
#pragma once
#include <algorithm>
#include <cstring>

#include "test/harness.h"

namespace vlprm::test {

struct StepScoreShape {
  int32_t dtype;
  int64_t width;
  int64_t rows;
  int64_t others;      // labels - 1
  int64_t hiddenSize;  // > 0: a two-layer head
};

inline uint16_t toBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Truncates to binary16; the test data have exponents in range.
inline uint16_t toF16(float value) {
  int exponent;
  const double fraction = std::frexp(std::fabs(static_cast<double>(value)), &exponent);
  const uint16_t sign = value < 0 ? 0x8000 : 0;
  const int biased = exponent - 1 + 15;
  if (value == 0 || biased < 1) return sign;
  return static_cast<uint16_t>(sign | (biased << 10) | (static_cast<int>(fraction * 2048) & 0x3ff));
}

inline double fromHalf(uint16_t pattern, int32_t dtype) {
  const int exponentBits = dtype == VLPRM_BF16 ? 8 : 5;
  const int fractionBits = 15 - exponentBits;
  const int bias = (1 << (exponentBits - 1)) - 1;
  const int exponent = (pattern >> fractionBits) & ((1 << exponentBits) - 1);
  const double fraction = static_cast<double>(pattern & ((1 << fractionBits) - 1)) / (1 << fractionBits);
  const double magnitude = exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return pattern & 0x8000 ? -magnitude : magnitude;
}

struct StepScoreCase {
  StepScoreShape shape;
  std::vector<float> f32;
  std::vector<uint16_t> half;
  std::vector<int32_t> positions, candidateOffsets, problemOffsets, answers;
  std::vector<float> rows, head;
  std::vector<double> bias;
  std::vector<float> logit, probability, logProbability;
  std::vector<float> aggregates[VLPRM_AGGREGATES];
  std::vector<int32_t> firstError, best, vote;
  VlprmStepScore op = {};

  StepScoreCase(const StepScoreShape& shape_, unsigned seed) : shape(shape_) {
    std::mt19937 random(seed);
    const auto upTo = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
    const double scale = 1.5 / std::sqrt(static_cast<double>(shape.width));
    f32 = normals(random, static_cast<size_t>(shape.rows * shape.width), 1);
    for (const float value : f32) half.push_back(shape.dtype == VLPRM_BF16 ? toBf16(value) : toF16(value));
    candidateOffsets = {0};
    for (int64_t c = 0; c < shape.rows / 3 + 1; ++c) candidateOffsets.push_back(candidateOffsets.back() + (upTo(5) == 0 ? 0 : upTo(8)));
    for (int32_t s = 0; s < candidateOffsets.back(); ++s) positions.push_back(upTo(static_cast<int>(shape.rows) - 1));
    const int32_t candidates = static_cast<int32_t>(candidateOffsets.size()) - 1;
    problemOffsets = {0, candidates / 2, candidates / 2, candidates};
    for (int32_t c = 0; c < candidates; ++c) answers.push_back(upTo(4) - 1);
    rows = normals(random, static_cast<size_t>(shape.others * shape.width), scale);
    for (int64_t j = 0; j < shape.others; ++j) bias.push_back(0.1 * static_cast<double>(j) - 0.2);
    head = normals(random, static_cast<size_t>(shape.hiddenSize * (shape.width + 2) + 1), shape.hiddenSize > 0 ? scale : 1);
    // Output weights for logits of a few units, whatever the sizes.
    const double shrink = std::sqrt(static_cast<double>(shape.width) / std::fmax(1, static_cast<double>(shape.hiddenSize)));
    for (int64_t unit = 0; unit < shape.hiddenSize; ++unit) head[static_cast<size_t>(shape.hiddenSize * (shape.width + 1) + unit)] *= static_cast<float>(shrink);
    allocate(candidates);
    describe(candidates);
  }

  StepScoreCase(const StepScoreCase&) = delete;
  StepScoreCase& operator=(const StepScoreCase&) = delete;

  double hiddenAt(int64_t row, int64_t i) const {
    const size_t at = static_cast<size_t>(row * shape.width + i);
    return shape.dtype == VLPRM_F32 ? f32[at] : fromHalf(half[at], shape.dtype);
  }

  // Differences of label logits of one step over the temperature, in float64.
  std::vector<double> differences(size_t step) const {
    const int64_t row = positions[step];
    std::vector<double> u;
    if (shape.hiddenSize > 0) {
      const float* biasOf = head.data() + shape.hiddenSize * shape.width;
      double logit = biasOf[2 * shape.hiddenSize];
      for (int64_t unit = 0; unit < shape.hiddenSize; ++unit) {
        double activation = biasOf[unit];
        for (int64_t i = 0; i < shape.width; ++i) activation += static_cast<double>(head[static_cast<size_t>(unit * shape.width + i)]) * hiddenAt(row, i);
        logit += std::fmax(0, activation) * biasOf[shape.hiddenSize + unit];
      }
      u.push_back(logit / op.temperature);
      return u;
    }
    for (int64_t j = 0; j < shape.others; ++j) {
      double sum = bias[static_cast<size_t>(j)];
      for (int64_t i = 0; i < shape.width; ++i) sum += static_cast<double>(rows[static_cast<size_t>(j * shape.width + i)]) * hiddenAt(row, i);
      u.push_back(sum / op.temperature);
    }
    return u;
  }

  void poison() {
    for (std::vector<float>* out : {&logit, &probability, &logProbability}) std::fill(out->begin(), out->end(), NAN);
    for (std::vector<float>& out : aggregates) std::fill(out.begin(), out.end(), NAN);
    for (std::vector<int32_t>* out : {&firstError, &best, &vote}) std::fill(out->begin(), out->end(), -77777);
  }

 private:
  void allocate(int32_t candidates) {
    logit.resize(positions.size());
    probability.resize(positions.size());
    logProbability.resize(positions.size() * static_cast<size_t>(shape.others + 1));
    for (std::vector<float>& out : aggregates) out.resize(static_cast<size_t>(candidates));
    firstError.resize(static_cast<size_t>(candidates));
    best.resize(problemOffsets.size() - 1);
    vote.resize(problemOffsets.size() - 1);
  }

  void describe(int32_t candidates) {
    op.hidden = shape.dtype == VLPRM_F32 ? static_cast<const void*>(f32.data()) : half.data();
    op.positions = positions.data();
    op.rows = shape.hiddenSize > 0 ? nullptr : rows.data();
    op.bias = bias.data();
    op.head = shape.hiddenSize > 0 ? head.data() : nullptr;
    op.width = shape.width;
    op.steps = static_cast<int64_t>(positions.size());
    op.others = shape.others;
    op.hiddenSize = shape.hiddenSize;
    op.candidates = candidates;
    op.problems = static_cast<int64_t>(best.size());
    op.temperature = 1.25;
    op.threshold = 0.45;
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

inline std::vector<StepScoreShape> stepScoreShapes() {
  std::vector<StepScoreShape> shapes;
  for (const int32_t dtype : {VLPRM_F32, VLPRM_BF16, VLPRM_F16}) {
    for (const int64_t width : {1, 7, 8, 9, 33, 110, 1024}) {
      for (const int64_t rows : {1, 4, 6, 65}) shapes.push_back({dtype, width, rows, 1 + (width + rows) % 3, 0});
    }
  }
  for (const int64_t hiddenSize : {1, 15, 16, 17, 64}) {
    for (const int64_t width : {1, 16, 17, 110, 300}) shapes.push_back({VLPRM_F32, width, 70, 1, hiddenSize});
  }
  return shapes;
}

// Checks what a kernel wrote against float64.
void checkStepScore(const StepScoreCase& score);

}  // namespace vlprm::test
