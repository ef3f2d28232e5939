// Random stepLoss cases with their definition in float64 and its central differences.
#pragma once
#include <cstring>

#include "test/harness.h"

namespace vlprm::test {

struct LossShape {
  int64_t width;
  int64_t hiddenSize;
  int64_t rows;
};

inline std::vector<LossShape> lossShapes() { return {{1, 0, 3}, {9, 0, 70}, {33, 0, 129}, {3, 1, 9}, {7, 17, 131}, {16, 16, 64}, {20, 6, 65}}; }

// Bits of the value cut to 16 bits: a test needs numbers that the dtype holds, not the nearest ones.
inline uint16_t cutToHalf(float value, int32_t dtype) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (dtype == VLPRM_BF16) return static_cast<uint16_t>(bits >> 16);
  const int32_t exponent = static_cast<int32_t>(bits >> 23 & 0xff) - 112;
  const uint32_t sign = bits >> 16 & 0x8000;
  return static_cast<uint16_t>(exponent <= 0 ? sign : sign | static_cast<uint32_t>(exponent) << 10 | (bits >> 13 & 0x3ff));
}

inline float halfValue(uint16_t half, int32_t dtype) {
  if (dtype == VLPRM_F16) return std::ldexp(static_cast<float>((half & 0x3ff) + 1024), (half >> 10 & 0x1f) - 25) * (half & 0x8000 ? -1 : 1) * (half & 0x7c00 ? 1 : 0);
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

struct LossCase {
  LossShape shape;
  std::vector<float> features;   // what the rows hold
  std::vector<uint16_t> halves;  // their bits, for a 16-bit dtype
  std::vector<double> targets, weights, traceWeights;
  std::vector<float> head, gradient, featureGradient;
  std::vector<int32_t> rowIndices, traceOffsets;
  VlprmStepLoss op = {};

  LossCase(LossShape shape_, int32_t loss, int32_t dtype, unsigned seed) : shape(shape_) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    features = normals(random, static_cast<size_t>(shape.rows * shape.width), 1);
    for (float& value : features) {
      if (dtype == VLPRM_F32) break;
      halves.push_back(cutToHalf(value, dtype));
      value = halfValue(halves.back(), dtype);
    }
    traceOffsets.push_back(0);
    for (int32_t r = 0; r < shape.rows; ++r) {
      targets.push_back(loss == VLPRM_PQM ? static_cast<double>(random() % 2) : uniform(random));
      weights.push_back(r % 5 == 1 ? 0 : uniform(random) + 0.1);
      rowIndices.push_back(static_cast<int32_t>(random() % static_cast<unsigned>(shape.rows)));
      if (random() % 6 == 0) traceOffsets.push_back(r + 1);
    }
    traceOffsets.push_back(static_cast<int32_t>(shape.rows));
    double weightSum = 0;
    for (const double weight : weights) weightSum += weight;
    if (loss == VLPRM_PQM) weightSum = weighTraces();
    head = normals(random, static_cast<size_t>(parameters()), 1 / std::sqrt(static_cast<double>(shape.width)));
    gradient.assign(head.size(), NAN);
    featureGradient.assign(features.size(), NAN);
    op.features = dtype == VLPRM_F32 ? static_cast<const void*>(features.data()) : halves.data();
    op.rowIndices = rowIndices.data();
    op.targets = targets.data();
    op.weights = weights.data();
    op.traceOffsets = loss == VLPRM_PQM ? traceOffsets.data() : nullptr;
    op.traceWeights = loss == VLPRM_PQM ? traceWeights.data() : nullptr;
    op.head = head.data();
    op.width = shape.width;
    op.count = shape.rows;
    op.hiddenSize = shape.hiddenSize;
    op.traces = static_cast<int64_t>(traceWeights.size());
    op.weightSum = weightSum;
    op.margin = 1.5;
    op.dtype = dtype;
    op.loss = loss;
    op.featureGradientDtype = VLPRM_F32;
    op.gradient = gradient.data();
    op.featureGradient = featureGradient.data();
    op.meanLoss = NAN;
  }

  LossCase(const LossCase&) = delete;
  LossCase& operator=(const LossCase&) = delete;

  int64_t parameters() const { return shape.hiddenSize == 0 ? shape.width + 1 : shape.hiddenSize * (shape.width + 2) + 1; }

  // A trace weighs the mean weight of its unmasked rows.
  double weighTraces() {
    double sum = 0;
    for (size_t t = 0; t + 1 < traceOffsets.size(); ++t) {
      double total = 0, present = 0;
      for (int32_t i = traceOffsets[t]; i < traceOffsets[t + 1]; ++i) {
        total += weights[static_cast<size_t>(i)];
        present += weights[static_cast<size_t>(i)] > 0;
      }
      traceWeights.push_back(present > 0 ? total / present : 0);
      sum += traceWeights.back();
    }
    return sum;
  }

  double logit(const std::vector<double>& p, size_t i) const {
    const float* x = &features[static_cast<size_t>(rowIndices[i] * shape.width)];
    const auto product = [&](int64_t at) {
      double sum = 0;
      for (int64_t k = 0; k < shape.width; ++k) sum += p[static_cast<size_t>(at + k)] * x[k];
      return sum;
    };
    if (shape.hiddenSize == 0) return product(0) + p[static_cast<size_t>(shape.width)];
    const int64_t bias = shape.hiddenSize * shape.width;
    double sum = p[static_cast<size_t>(bias + 2 * shape.hiddenSize)];
    for (int64_t unit = 0; unit < shape.hiddenSize; ++unit) {
      sum += std::fmax(0, product(unit * shape.width) + p[static_cast<size_t>(bias + unit)]) * p[static_cast<size_t>(bias + shape.hiddenSize + unit)];
    }
    return sum;
  }

  double rowLoss(const std::vector<double>& p, size_t i) const {
    const double probability = 1 / (1 + std::exp(-logit(p, i)));
    if (op.loss == VLPRM_MSE) return (probability - targets[i]) * (probability - targets[i]);
    return -targets[i] * std::log(probability) - (1 - targets[i]) * std::log(1 - probability);
  }

  double traceLoss(const std::vector<double>& p, size_t begin, size_t end) const {
    double wrong = 0, right = 1, loss = 0, terms = 0;
    for (size_t i = begin; i < end; ++i) wrong += weights[i] > 0 && targets[i] == 0 ? std::exp(logit(p, i) + op.margin) : 0;
    for (size_t i = begin; i < end; ++i) {
      if (weights[i] == 0 || targets[i] == 0) continue;
      right += std::exp(logit(p, i));
      loss += std::log(right + wrong) - logit(p, i);
      ++terms;
    }
    return wrong > 0 ? (loss + std::log(1 + wrong)) / (terms + 1) : loss / terms;
  }

  double loss(const std::vector<double>& p) const {
    double total = 0;
    for (size_t i = 0; op.loss != VLPRM_PQM && i < weights.size(); ++i) total += weights[i] == 0 ? 0 : weights[i] * rowLoss(p, i);
    for (size_t t = 0; op.loss == VLPRM_PQM && t < traceWeights.size(); ++t) {
      const size_t begin = static_cast<size_t>(traceOffsets[t]), end = static_cast<size_t>(traceOffsets[t + 1]);
      total += traceWeights[t] == 0 ? 0 : traceWeights[t] * traceLoss(p, begin, end);
    }
    return total / op.weightSum;
  }
};

// What a backend's results are compared with.
struct LossDefinition {
  double loss;
  std::vector<double> gradient;

  explicit LossDefinition(const LossCase& of) {
    const std::vector<double> start(of.head.begin(), of.head.end());
    loss = of.loss(start);
    for (size_t i = 0; i < start.size(); ++i) {
      std::vector<double> up = start, down = start;
      up[i] += 1e-6;
      down[i] -= 1e-6;
      gradient.push_back((of.loss(up) - of.loss(down)) / 2e-6);
    }
  }
};

inline void checkStepLoss(const LossCase& done, const LossDefinition& defined) {
  CHECK_NEAR(done.op.meanLoss, defined.loss, 1e-6 * defined.loss);
  double distance = 0, size = 0;
  for (size_t i = 0; i < defined.gradient.size(); ++i) {
    distance += std::pow(done.gradient[i] - defined.gradient[i], 2);
    size += std::pow(defined.gradient[i], 2);
  }
  CHECK_NEAR(std::sqrt(distance / size), 0, 1e-5);
}

}  // namespace vlprm::test
