#include "test/harness.h"

namespace vlprm::test {

namespace {

struct LossCase {
  int64_t width;
  int64_t hiddenSize;
  std::vector<float> features, targets, weights, head, gradient;
  std::vector<int32_t> rowIndices;
  VlprmStepLoss op = {};

  LossCase(int64_t width_, int64_t hiddenSize_, int64_t rows, bool squared, unsigned seed) : width(width_), hiddenSize(hiddenSize_) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(0, 1);
    features = normals(random, static_cast<size_t>(rows * width), 1);
    for (int64_t r = 0; r < rows; ++r) {
      targets.push_back(uniform(random));
      weights.push_back(r % 5 == 1 ? 0 : uniform(random) + 0.1f);
      rowIndices.push_back(static_cast<int32_t>(random() % static_cast<unsigned>(rows)));
    }
    const int64_t size = hiddenSize == 0 ? width + 1 : hiddenSize * (width + 2) + 1;
    head = normals(random, static_cast<size_t>(size), 1 / std::sqrt(static_cast<double>(width)));
    gradient.assign(static_cast<size_t>(size), NAN);
    op = {features.data(), rowIndices.data(), targets.data(), weights.data(), head.data(), width, rows, hiddenSize, 0.1, squared ? 1 : 0, gradient.data(), NAN, NAN};
  }

  LossCase(const LossCase&) = delete;
  LossCase& operator=(const LossCase&) = delete;

  double logit(const std::vector<double>& p, int64_t row) const {
    const auto product = [&](int64_t at) {
      double sum = 0;
      for (int64_t i = 0; i < width; ++i) sum += p[static_cast<size_t>(at + i)] * features[static_cast<size_t>(row * width + i)];
      return sum;
    };
    if (hiddenSize == 0) return product(0) + p[static_cast<size_t>(width)];
    const int64_t bias = hiddenSize * width;
    double sum = p[static_cast<size_t>(bias + 2 * hiddenSize)];
    for (int64_t unit = 0; unit < hiddenSize; ++unit) {
      sum += std::fmax(0, product(unit * width) + p[static_cast<size_t>(bias + unit)]) * p[static_cast<size_t>(bias + hiddenSize + unit)];
    }
    return sum;
  }

  double loss(const std::vector<double>& p) const {
    double total = 0, weightSum = 0;
    for (const int32_t row : rowIndices) {
      const double weight = weights[static_cast<size_t>(row)];
      const double probability = 1 / (1 + std::exp(-logit(p, row)));
      const double target = 0.9 * targets[static_cast<size_t>(row)] + 0.05;
      total += weight * (op.squared != 0 ? (probability - target) * (probability - target)
                                         : -target * std::log(probability) - (1 - target) * std::log(1 - probability));
      weightSum += weight;
    }
    return total / weightSum;
  }
};

}  // namespace

TEST_CASE("stepLoss agrees with float64 and finite differences on every instruction set") {
  const int64_t shapes[][3] = {{1, 0, 3}, {9, 0, 70}, {33, 0, 129}, {3, 1, 9}, {7, 17, 131}, {16, 16, 64}, {20, 6, 65}};
  for (const auto& shape : shapes) {
    for (const bool squared : {false, true}) {
      LossCase loss(shape[0], shape[1], shape[2], squared, 11);
      const std::vector<double> start(loss.head.begin(), loss.head.end());
      std::vector<double> differences;
      double size = 0;
      for (size_t i = 0; i < start.size(); ++i) {
        std::vector<double> up = start, down = start;
        up[i] += 1e-6;
        down[i] -= 1e-6;
        differences.push_back((loss.loss(up) - loss.loss(down)) / 2e-6);
        size += differences.back() * differences.back();
      }
      for (const cpu::Kernels* kernels : everyIsa()) {
        const Scratch scratch(cpu::stepLossScratch(loss.op));
        loss.gradient.assign(loss.gradient.size(), NAN);
        kernels->stepLoss(loss.op, scratch.get());
        CHECK_NEAR(loss.op.loss, loss.loss(start), 1e-6 * loss.op.loss);
        double distance = 0;
        for (size_t i = 0; i < start.size(); ++i) distance += std::pow(loss.gradient[i] - differences[i], 2);
        CHECK_NEAR(std::sqrt(distance / size), 0, 1e-5);
      }
    }
  }
}

TEST_CASE("stepLoss of masked rows is no loss") {
  for (const int64_t hiddenSize : {0, 5}) {
    LossCase loss(6, hiddenSize, 10, false, 3);
    loss.weights.assign(10, 0);
    for (const cpu::Kernels* kernels : everyIsa()) {
      const Scratch scratch(cpu::stepLossScratch(loss.op));
      kernels->stepLoss(loss.op, scratch.get());
      CHECK(std::isnan(loss.op.loss));
      CHECK(loss.op.weightSum == 0);
      for (const float g : loss.gradient) CHECK(g == 0);
    }
  }
}

}  // namespace vlprm::test
