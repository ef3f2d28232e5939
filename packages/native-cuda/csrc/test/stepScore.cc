#include "test/stepScoreCase.h"

namespace vlprm::test {

namespace {

double logSumExp(const std::vector<double>& values) {
  double largest = -INFINITY;
  for (const double value : values) largest = std::fmax(largest, value);
  double sum = 0;
  for (const double value : values) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

struct Defined {
  double logit;
  std::vector<double> logs;
};

// Label logits up to a constant are 0 for the positive label and -u for the others.
Defined defineStep(const std::vector<double>& u) {
  std::vector<double> others, all = {0};
  for (const double difference : u) {
    others.push_back(-difference);
    all.push_back(-difference);
  }
  Defined defined = {-logSumExp(others), {}};
  for (const double logit : all) defined.logs.push_back(logit - logSumExp(all));
  return defined;
}

void checkCandidate(const StepScoreCase& score, size_t candidate, const std::vector<double>& p) {
  const auto begin = static_cast<size_t>(score.candidateOffsets[candidate]);
  const auto end = static_cast<size_t>(score.candidateOffsets[candidate + 1]);
  if (begin == end) {
    for (const std::vector<float>& aggregate : score.aggregates) CHECK(std::isnan(aggregate[candidate]));
    CHECK(score.firstError[candidate] == -1);
    return;
  }
  double min = INFINITY, max = -INFINITY, sum = 0, product = 1;
  int32_t firstError = -1;
  bool clear = true;
  for (size_t step = begin; step < end; ++step) {
    min = std::fmin(min, p[step]);
    max = std::fmax(max, p[step]);
    sum += p[step];
    product *= p[step];
    clear = clear && std::fabs(p[step] - score.op.threshold) > 1e-6;
    if (firstError < 0 && p[step] < score.op.threshold) firstError = static_cast<int32_t>(step - begin);
  }
  const double count = static_cast<double>(end - begin);
  CHECK_NEAR(score.aggregates[VLPRM_MIN][candidate], min, 1e-6);
  CHECK_NEAR(score.aggregates[VLPRM_MEAN][candidate], sum / count, 1e-6);
  CHECK_NEAR(score.aggregates[VLPRM_PRODUCT][candidate], product, 1e-5 * product);
  CHECK_NEAR(score.aggregates[VLPRM_LAST][candidate], p[end - 1], 1e-6);
  CHECK_NEAR(score.aggregates[VLPRM_MAX][candidate], max, 1e-6);
  CHECK_NEAR(score.aggregates[VLPRM_GEOMETRIC_MEAN][candidate], std::pow(product, 1 / count), 1e-5);
  if (clear) CHECK(score.firstError[candidate] == firstError);
}

// The choice must follow from the aggregates as they were written.
void checkProblem(const StepScoreCase& score, size_t problem) {
  const std::vector<float>& mean = score.aggregates[VLPRM_MEAN];
  int32_t best = -1, vote = -1;
  double most = -INFINITY;
  for (int32_t c = score.problemOffsets[problem]; c < score.problemOffsets[problem + 1]; ++c) {
    const auto at = static_cast<size_t>(c);
    if (std::isnan(mean[at])) continue;
    if (best < 0 || mean[at] > mean[static_cast<size_t>(best)]) best = c;
    if (score.answers[at] < 0) continue;
    double sum = 0;
    for (int32_t d = score.problemOffsets[problem]; d < score.problemOffsets[problem + 1]; ++d) {
      const auto other = static_cast<size_t>(d);
      if (score.answers[other] == score.answers[at] && !std::isnan(mean[other])) sum += mean[other];
    }
    if (sum > most) {
      most = sum;
      vote = score.answers[at];
    }
  }
  CHECK(score.best[problem] == best);
  CHECK(score.vote[problem] == vote);
}

}  // namespace

void checkStepScore(const StepScoreCase& score) {
  std::vector<double> probabilities;
  for (size_t step = 0; step < score.positions.size(); ++step) {
    const Defined defined = defineStep(score.differences(step));
    const double scale = std::fmax(1, std::fabs(defined.logit));
    CHECK_NEAR(score.logit[step], defined.logit, 4e-6 * scale);
    CHECK_NEAR(score.probability[step], std::exp(defined.logs[0]), 1e-6);
    for (size_t j = 0; j < defined.logs.size(); ++j) {
      CHECK_NEAR(score.logProbability[step * defined.logs.size() + j], defined.logs[j], 4e-6 * scale);
    }
    probabilities.push_back(std::exp(defined.logs[0]));
  }
  for (size_t c = 0; c + 1 < score.candidateOffsets.size(); ++c) checkCandidate(score, c, probabilities);
  for (size_t p = 0; p + 1 < score.problemOffsets.size(); ++p) checkProblem(score, p);
}

TEST_CASE("stepScore agrees with float64 on every instruction set") {
  unsigned seed = 1;
  for (const StepScoreShape& shape : stepScoreShapes()) {
    StepScoreCase score(shape, seed++);
    for (const cpu::Kernels* kernels : everyIsa()) {
      score.poison();
      CHECK(cpu::stepScore(score.op, {1, nullptr, kernels}));
      checkStepScore(score);
    }
  }
}

TEST_CASE("stepScore of a row does not depend on the batch") {
  for (const int64_t hiddenSize : {0, 19}) {
    StepScoreCase score({VLPRM_F32, 110, 90, 1, hiddenSize}, 5);
    for (const cpu::Kernels* kernels : everyIsa()) {
      const cpu::Control control = {1, nullptr, kernels};
      cpu::stepScore(score.op, control);
      VlprmStepScore alone = score.op;
      alone.steps = 1;
      alone.candidates = 0;
      alone.problems = 0;
      float logit, probability, logs[2];
      alone.logit = &logit;
      alone.probability = &probability;
      alone.logProbability = logs;
      for (size_t step = 0; step < score.positions.size(); ++step) {
        alone.positions = score.positions.data() + step;
        cpu::stepScore(alone, control);
        CHECK(logit == score.logit[step]);
        CHECK(probability == score.probability[step]);
      }
    }
  }
}

// Everything that a call writes, as bits.
std::vector<uint32_t> written(const StepScoreCase& score) {
  std::vector<uint32_t> bits;
  const auto add = [&](const auto& values) {
    const size_t at = bits.size();
    bits.resize(at + values.size());
    if (!values.empty()) std::memcpy(bits.data() + at, values.data(), values.size() * sizeof values[0]);
  };
  add(score.logit);
  add(score.probability);
  add(score.logProbability);
  for (const std::vector<float>& aggregate : score.aggregates) add(aggregate);
  add(score.firstError);
  add(score.best);
  add(score.vote);
  return bits;
}

std::vector<uint32_t> scored(StepScoreCase& score, const cpu::Control& control) {
  score.poison();
  CHECK(cpu::stepScore(score.op, control));
  return written(score);
}

TEST_CASE("stepScore computes the same bits with AVX2 and AVX-512") {
  unsigned seed = 100;
  const std::vector<const cpu::Kernels*> found = everyIsa();
  for (const StepScoreShape& shape : stepScoreShapes()) {
    StepScoreCase score(shape, seed++);
    for (size_t isa = 2; isa < found.size(); ++isa) CHECK(scored(score, {1, nullptr, found[isa]}) == scored(score, {1, nullptr, found[1]}));
  }
}

TEST_CASE("stepScore computes the same bits with any number of threads, and again and again") {
  const StepScoreShape shapes[] = {{VLPRM_F32, 1100, 700, 1, 0}, {VLPRM_BF16, 1100, 700, 2, 0}, {VLPRM_F16, 5, 9000, 1, 0}, {VLPRM_F32, 110, 700, 1, 64}};
  for (const StepScoreShape& shape : shapes) {
    StepScoreCase score(shape, 7);
    for (const cpu::Kernels* kernels : everyIsa()) {
      const std::vector<uint32_t> expected = scored(score, {1, nullptr, kernels});
      for (int repeat = 0; repeat < 20; ++repeat) {
        for (const int threads : {1, 2, 3}) CHECK(scored(score, {threads, nullptr, kernels}) == expected);
      }
    }
  }
}

TEST_CASE("stepScore of a row does not depend on the order of the batch, whatever the threads") {
  std::mt19937 random(11);
  for (const int64_t hiddenSize : {0, 19}) {
    StepScoreCase score({VLPRM_F32, 300, 900, 1, hiddenSize}, 5);
    const std::vector<int32_t> positions = score.positions;
    cpu::stepScore(score.op, {1});
    const std::vector<float> logit = score.logit;
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<size_t> order(positions.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      for (size_t i = 0; i < order.size(); ++i) score.positions[i] = positions[order[i]];
      cpu::stepScore(score.op, {1 + repeat % 3});
      bool equal = true;
      for (size_t i = 0; i < order.size(); ++i) equal = equal && score.logit[i] == logit[order[i]];
      CHECK(equal);
    }
  }
}

TEST_CASE("stepScore stops when it is aborted") {
  StepScoreCase score({VLPRM_F32, 110, 90, 1, 0}, 5);
  const std::atomic<int32_t> abort{1};
  CHECK(!cpu::stepScore(score.op, {2, &abort}));
}

}  // namespace vlprm::test
