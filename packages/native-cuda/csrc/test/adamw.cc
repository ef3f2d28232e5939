#include "test/harness.h"

namespace vlprm::test {

TEST_CASE("adamw agrees with float64 over ten steps on every instruction set") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    for (const size_t size : {size_t{1}, size_t{8}, size_t{37}}) {
      std::mt19937 random(static_cast<unsigned>(size));
      std::vector<float> parameters = normals(random, size, 1), first(size), second(size);
      std::vector<double> p(parameters.begin(), parameters.end()), m(size), v(size);
      for (int t = 1; t <= 10; ++t) {
        const std::vector<float> gradient = normals(random, size, 1);
        double norm = 0;
        for (const float g : gradient) norm += static_cast<double>(g) * g;
        norm = std::sqrt(norm);
        const double learningRate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.1, most = 0.5;
        const double correction1 = 1 - std::pow(beta1, t), correction2 = 1 - std::pow(beta2, t);
        VlprmAdamW op = {parameters.data(), gradient.data(), first.data(), second.data(), static_cast<int64_t>(size), beta1, beta2, epsilon,
                               learningRate / correction1, 1 / std::sqrt(correction2), 1 - learningRate * decay, most, 0};
        CHECK(cpu::adamw(op, {1, nullptr, kernels}));
        CHECK(op.applied == 1);
        for (size_t i = 0; i < size; ++i) {
          const double g = norm > most ? gradient[i] * most / norm : gradient[i];
          m[i] = beta1 * m[i] + (1 - beta1) * g;
          v[i] = beta2 * v[i] + (1 - beta2) * g * g;
          p[i] -= learningRate * (m[i] / correction1 / (std::sqrt(v[i] / correction2) + epsilon) + decay * p[i]);
        }
      }
      for (size_t i = 0; i < size; ++i) CHECK_NEAR(parameters[i], p[i], 1e-6 * std::fmax(1, std::fabs(p[i])));
    }
  }
}

TEST_CASE("adamw refuses to clip a gradient that is not finite") {
  for (const cpu::Kernels* kernels : everyIsa()) {
    float parameter = 1, gradient = NAN, first = 0, second = 0;
    VlprmAdamW op = {&parameter, &gradient, &first, &second, 1, 0.9, 0.999, 1e-8, 0.1, 1, 1, 1, 1};
    CHECK(cpu::adamw(op, {1, nullptr, kernels}));
    CHECK(op.applied == 0);
    CHECK(parameter == 1 && first == 0 && second == 0);
  }
}

TEST_CASE("adamw computes the same bits on every instruction set and any number of threads") {
  constexpr size_t SIZE = 300'001;
  std::mt19937 random(3);
  const std::vector<float> parameters = normals(random, SIZE, 1), gradient = normals(random, SIZE, 1), moment = normals(random, SIZE, 0.1);
  std::vector<std::vector<float>> expected;
  for (const cpu::Kernels* kernels : everyIsa()) {
    for (const int threads : {1, 2, 3}) {
      std::vector<float> p = parameters, first = moment, second(SIZE, 0.5f);
      VlprmAdamW op = {p.data(), gradient.data(), first.data(), second.data(), SIZE, 0.9, 0.999, 1e-8, 0.1, 1, 0.999, 1, 0};
      CHECK(cpu::adamw(op, {threads, nullptr, kernels}));
      if (expected.empty()) expected = {p, first, second};
      CHECK(p == expected[0] && first == expected[1] && second == expected[2]);
    }
  }
}

TEST_CASE("adamw that is aborted changes nothing") {
  const std::atomic<int32_t> abort{1};
  float parameter = 1, gradient = 1, first = 0, second = 0;
  for (const double maxGradNorm : {0.0, 1.0}) {
    VlprmAdamW op = {&parameter, &gradient, &first, &second, 1, 0.9, 0.999, 1e-8, 0.1, 1, 1, maxGradNorm, 0};
    CHECK(!cpu::adamw(op, {2, &abort}));
    CHECK(parameter == 1 && first == 0 && second == 0);
  }
}

}  // namespace vlprm::test
