#include "test/stepLossCase.h"

namespace vlprm::test {

namespace {

const int32_t LOSSES[] = {VLPRM_BCE, VLPRM_MSE, VLPRM_PQM};
const int32_t DTYPES[] = {VLPRM_F32, VLPRM_BF16, VLPRM_F16};

void computeLoss(const cpu::Kernels& isa, LossCase& loss, int threads = 1) {
  loss.gradient.assign(loss.gradient.size(), NAN);
  loss.featureGradient.assign(loss.featureGradient.size(), NAN);
  CHECK(cpu::stepLoss(loss.op, {threads, nullptr, &isa}));
}

// Bit for bit, NaN equal to NaN.
bool same(const std::vector<float>& a, const std::vector<float>& b) { return memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }

}  // namespace

TEST_CASE("stepLoss agrees with float64 and finite differences on every instruction set") {
  for (const LossShape& shape : lossShapes()) {
    for (const int32_t kind : LOSSES) {
      for (const int32_t dtype : DTYPES) {
        LossCase loss(shape, kind, dtype, 11);
        const LossDefinition defined(loss);
        for (const cpu::Kernels* isa : everyIsa()) {
          computeLoss(*isa, loss);
          checkStepLoss(loss, defined);
        }
      }
    }
  }
}

TEST_CASE("stepLoss takes the same bits from any number of threads") {
  for (const int64_t hiddenSize : {0, 5}) {
    for (const int32_t kind : LOSSES) {
      for (const cpu::Kernels* isa : everyIsa()) {
        LossCase loss({40, hiddenSize, 5000}, kind, VLPRM_BF16, 3);
        computeLoss(*isa, loss);
        const std::vector<float> gradient = loss.gradient, featureGradient = loss.featureGradient;
        const double meanLoss = loss.op.meanLoss;
        for (const int threads : {2, 3, 3}) {
          computeLoss(*isa, loss, threads);
          CHECK(loss.op.meanLoss == meanLoss);
          CHECK(same(loss.gradient, gradient));
          CHECK(same(loss.featureGradient, featureGradient));
        }
      }
    }
  }
}

TEST_CASE("the feature gradient does not depend on the batch, is 0 for masked rows, and in bf16 the nearest") {
  for (const int64_t hiddenSize : {0, 6}) {
    LossCase loss({21, hiddenSize, 70}, VLPRM_BCE, VLPRM_F32, 5);
    for (const cpu::Kernels* isa : everyIsa()) {
      computeLoss(*isa, loss);
      const std::vector<float> whole = loss.featureGradient;
      for (size_t i = 0; i < 70 * 21; ++i) CHECK(loss.weights[i / 21] > 0 || whole[i] == 0);
      loss.op.count = 33;
      computeLoss(*isa, loss);
      CHECK(memcmp(whole.data(), loss.featureGradient.data(), 33 * 21 * sizeof(float)) == 0);
      loss.op.count = 70;
      std::vector<uint16_t> narrow(70 * 21);
      loss.op.featureGradient = narrow.data();
      loss.op.featureGradientDtype = VLPRM_BF16;
      computeLoss(*isa, loss);
      for (size_t i = 0; i < narrow.size(); ++i) CHECK_NEAR(halfValue(narrow[i], VLPRM_BF16), whole[i], std::fabs(whole[i]) / 256);
      loss.op.featureGradient = loss.featureGradient.data();
      loss.op.featureGradientDtype = VLPRM_F32;
    }
  }
}

TEST_CASE("stepLoss of masked rows is no loss") {
  for (const int64_t hiddenSize : {0, 5}) {
    LossCase loss({6, hiddenSize, 10}, VLPRM_BCE, VLPRM_F32, 3);
    loss.weights.assign(10, 0);
    loss.op.weightSum = 0;
    for (const cpu::Kernels* isa : everyIsa()) {
      computeLoss(*isa, loss);
      CHECK(std::isnan(loss.op.meanLoss));
      for (const float g : loss.gradient) CHECK(g == 0);
    }
  }
}

TEST_CASE("an aborted stepLoss says so") {
  LossCase loss({6, 0, 10}, VLPRM_BCE, VLPRM_F32, 3);
  const std::atomic<int32_t> abort{1};
  CHECK(!cpu::stepLoss(loss.op, {1, &abort, nullptr}));
}

}  // namespace vlprm::test
