// The CUDA module without Node, each build of it that there is: on a device where one is, and on the emulation.
#include "cuda/module.h"

#include "test/mcLabelsCase.h"
#include "test/stepLossCase.h"
#include "test/stepScoreCase.h"
#include "test/trees.h"

#if defined(__linux__)
#include <dlfcn.h>

namespace vlprm::test {

namespace {

std::vector<const char*> modulePaths() {
  return {
#if defined(VLPRM_CUDA_PATH)
      VLPRM_CUDA_PATH,
#endif
#if defined(VLPRM_CUDA_EMULATED_PATH)
      VLPRM_CUDA_EMULATED_PATH,
#endif
  };
}

const VlprmCudaApi* moduleApi(const char* path, uint32_t abi = VLPRM_CUDA_ABI) {
  void* module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) std::printf("  %s\n", dlerror());
  if (module == nullptr) return nullptr;
  const auto getApi = reinterpret_cast<VlprmCudaGetApi>(dlsym(module, VLPRM_CUDA_GET_API));
  return getApi == nullptr ? nullptr : getApi(abi);
}

// The modules that find a device; says why the others do not.
std::vector<const VlprmCudaApi*> devices() {
  static const std::vector<const VlprmCudaApi*> found = [] {
    std::vector<const VlprmCudaApi*> usable;
    for (const char* path : modulePaths()) {
      const VlprmCudaApi* api = moduleApi(path);
      char detail[256] = "", error[256] = "";
      const bool usableOne = api != nullptr && api->probe(detail, sizeof detail, error, sizeof error) == VLPRM_CUDA_OK;
      std::printf("  %s: %s\n", usableOne ? "device" : "no device", usableOne ? detail : error);
      if (usableOne) usable.push_back(api);
    }
    return usable;
  }();
  return found;
}

}  // namespace

TEST_CASE("a CUDA module loads without a driver and answers to its ABI alone") {
  for (const char* path : modulePaths()) {
    const VlprmCudaApi* api = moduleApi(path);
    CHECK(api != nullptr);
    CHECK(moduleApi(path, VLPRM_CUDA_ABI + 1) == nullptr);
    if (api == nullptr) continue;
    CHECK(api->structSize == sizeof(VlprmCudaApi));
    CHECK(api->opsSize == vlprmOpsSize());
  }
}

TEST_CASE("the emulation finds its device") {
#if defined(VLPRM_CUDA_EMULATED_PATH)
  CHECK(!devices().empty() && devices().back()->needsDriver == 0);
#endif
}

TEST_CASE("device memory keeps what is uploaded, and is counted") {
  for (const VlprmCudaApi* api : devices()) {
    char error[256] = "";
    VlprmCudaMemory before, during, after;
    CHECK(api->memoryInfo(&before, error, sizeof error) == VLPRM_CUDA_OK);
    const size_t bytes = (size_t{20} << 20) + 12;  // more than the staging slots hold together
    std::vector<char> sent(bytes), received(bytes);
    for (size_t i = 0; i < bytes; ++i) sent[i] = static_cast<char>(i * 2654435761u >> 13);
    void* memory = nullptr;
    CHECK(api->allocate(bytes, &memory, error, sizeof error) == VLPRM_CUDA_OK);
    CHECK(api->upload(memory, sent.data(), bytes, error, sizeof error) == VLPRM_CUDA_OK);
    CHECK(api->download(received.data(), memory, bytes, error, sizeof error) == VLPRM_CUDA_OK);
    CHECK(sent == received);
    CHECK(api->memoryInfo(&during, error, sizeof error) == VLPRM_CUDA_OK);
    CHECK(during.buffers == before.buffers + bytes);
    api->release(memory);
    CHECK(api->memoryInfo(&after, error, sizeof error) == VLPRM_CUDA_OK);
    CHECK(after.buffers == before.buffers);
  }
}

TEST_CASE("more memory than the device has is refused with a text") {
  for (const VlprmCudaApi* api : devices()) {
    char error[256] = "";
    void* memory = nullptr;
    CHECK(api->allocate(size_t{1} << 46, &memory, error, sizeof error) == VLPRM_CUDA_OUT_OF_MEMORY);
    CHECK(memory == nullptr);
    CHECK(std::string(error).find("cudaErrorMemoryAllocation") != std::string::npos);
    CHECK(api->allocate(16, &memory, error, sizeof error) == VLPRM_CUDA_OK);
    api->release(memory);
  }
}

namespace {

// The case's rows on the device, `offset` bytes into an allocation.
class ResidentRows {
 public:
  ResidentRows(const VlprmCudaApi* api, StepScoreCase& score, size_t offset) : api_(api) {
    const size_t size = score.shape.dtype == VLPRM_F32 ? score.f32.size() * sizeof(float) : score.half.size() * sizeof(uint16_t);
    std::vector<char> bytes(offset + size);
    std::memcpy(bytes.data() + offset, score.op.hidden, size);
    char error[256] = "";
    CHECK(api->allocate(bytes.size(), &memory_, error, sizeof error) == VLPRM_CUDA_OK);
    CHECK(api->upload(memory_, bytes.data(), bytes.size(), error, sizeof error) == VLPRM_CUDA_OK);
    score.op.hidden = static_cast<char*>(memory_) + offset;
  }
  ~ResidentRows() { api_->release(memory_); }
  ResidentRows(const ResidentRows&) = delete;
  ResidentRows& operator=(const ResidentRows&) = delete;

 private:
  const VlprmCudaApi* api_;
  void* memory_ = nullptr;
};

void scoreOn(const VlprmCudaApi* api, StepScoreCase& score) {
  char error[256] = "";
  score.poison();
  const int status = api->stepScore(&score.op, error, sizeof error);
  if (status != VLPRM_CUDA_OK) std::printf("  %s\n", error);
  CHECK(status == VLPRM_CUDA_OK);
}

}  // namespace

TEST_CASE("stepScore on the device agrees with float64") {
  for (const VlprmCudaApi* api : devices()) {
    unsigned seed = 1;
    for (const StepScoreShape& shape : stepScoreShapes()) {
      StepScoreCase score(shape, seed++);
      scoreOn(api, score);
      checkStepScore(score);
    }
  }
}

TEST_CASE("stepScore reads rows that lie on the device, aligned or not, with the bits of rows that are staged") {
  for (const VlprmCudaApi* api : devices()) {
    for (const StepScoreShape& shape : {StepScoreShape{VLPRM_BF16, 264, 60, 1, 0}, {VLPRM_BF16, 37, 60, 2, 0}, {VLPRM_F32, 110, 60, 1, 19}}) {
      StepScoreCase staged(shape, 3);
      scoreOn(api, staged);
      checkStepScore(staged);
      for (const size_t offset : {size_t{0}, size_t{4}, size_t{16}}) {
        StepScoreCase score(shape, 3);
        const ResidentRows rows(api, score, offset);
        scoreOn(api, score);
        CHECK(score.logit == staged.logit);
      }
    }
  }
}

TEST_CASE("stepScore on the device takes many labels, very wide rows and more rows than are staged at once") {
  for (const VlprmCudaApi* api : devices()) {
    const StepScoreShape shapes[] = {{VLPRM_F16, 48, 40, 7, 0}, {VLPRM_F32, 60000, 6, 2, 0}, {VLPRM_BF16, 20000, 6, 5, 0}};
    for (const StepScoreShape& shape : shapes) {
      StepScoreCase score(shape, 11);
      scoreOn(api, score);
      checkStepScore(score);
    }
    StepScoreCase once({VLPRM_F32, 3584, 4, 1, 0}, 2);
    StepScoreCase many({VLPRM_F32, 3584, 4, 1, 0}, 2);
    once.op.candidates = many.op.candidates = 0;
    once.op.problems = many.op.problems = 0;
    const size_t distinct = once.positions.size();
    many.positions.clear();
    for (size_t step = 0; step < 2400; ++step) many.positions.push_back(once.positions[step % distinct]);
    many.op.positions = many.positions.data();
    many.op.steps = static_cast<int64_t>(many.positions.size());
    many.logit.resize(many.positions.size());
    many.probability.resize(many.positions.size());
    many.logProbability.resize(2 * many.positions.size());
    many.op.logit = many.logit.data();
    many.op.probability = many.probability.data();
    many.op.logProbability = many.logProbability.data();
    scoreOn(api, once);
    scoreOn(api, many);
    for (size_t step = 0; step < many.logit.size(); ++step) CHECK(many.logit[step] == once.logit[step % distinct]);
  }
}

TEST_CASE("stepScore on the device gives a step the same bits in batches of every size") {
  for (const VlprmCudaApi* api : devices()) {
    for (const StepScoreShape& shape : {StepScoreShape{VLPRM_BF16, 300, 400, 1, 0}, {VLPRM_F32, 33, 400, 3, 0}, {VLPRM_F32, 50, 400, 1, 70}}) {
      StepScoreCase whole(shape, 7);
      scoreOn(api, whole);
      for (const size_t size : {size_t{1}, size_t{7}, size_t{40}, size_t{127}, size_t{200}}) {
        StepScoreCase part(shape, 7);
        const size_t begin = whole.positions.size() / 3;
        part.op.steps = static_cast<int64_t>(std::min(size, whole.positions.size() - begin));
        part.op.positions += begin;
        part.op.candidates = 0;
        part.op.problems = 0;
        scoreOn(api, part);
        for (size_t step = 0; step < static_cast<size_t>(part.op.steps); ++step) {
          CHECK(part.logit[step] == whole.logit[begin + step]);
          CHECK(part.probability[step] == whole.probability[begin + step]);
        }
      }
      for (int repeat = 0; repeat < 3; ++repeat) {
        StepScoreCase again(shape, 7);
        scoreOn(api, again);
        CHECK(again.logit == whole.logit);
        CHECK(again.best == whole.best && again.vote == whole.vote);
      }
    }
  }
}

TEST_CASE("mcLabels on the device gives the bits of the processor, however rollouts come and wherever they begin") {
  for (const VlprmCudaApi* api : devices()) {
    char error[256] = "";
    for (unsigned seed = 0; seed < 30; ++seed) {
      const auto form = static_cast<VlprmRollouts>(seed % 3);
      McLabelsCase expected(seed, seed % 2 == 0 ? 200 : 4000, form);
      McLabelsCase found(seed, seed % 2 == 0 ? 200 : 4000, form);
      cpu::mcLabels(expected.op, {});
      CHECK(api->mcLabels(&found.op, error, sizeof error) == VLPRM_CUDA_OK);
      CHECK(sameBits(expected, found));
      if (form != VLPRM_PACKED) {
        found.outcomes[found.outcomes.size() / 2] = 7;
        CHECK(api->mcLabels(&found.op, error, sizeof error) == VLPRM_CUDA_OK);
        CHECK(found.op.invalid == static_cast<int64_t>(found.outcomes.size() / 2));
      }
    }
  }
}

TEST_CASE("stepLoss on the device agrees with float64 and finite differences") {
  for (const VlprmCudaApi* api : devices()) {
    char error[256] = "";
    for (const LossShape& shape : lossShapes()) {
      for (const int32_t kind : {VLPRM_BCE, VLPRM_MSE, VLPRM_PQM}) {
        for (const int32_t dtype : {VLPRM_F32, VLPRM_BF16, VLPRM_F16}) {
          LossCase loss(shape, kind, dtype, 11);
          const int status = api->stepLoss(&loss.op, error, sizeof error);
          if (status != VLPRM_CUDA_OK) std::printf("  %s\n", error);
          CHECK(status == VLPRM_CUDA_OK);
          if (status == VLPRM_CUDA_OK) checkStepLoss(loss, LossDefinition(loss));
        }
      }
    }
  }
}

TEST_CASE("stepLoss reads features that lie on the device where they are, with the same bits") {
  for (const VlprmCudaApi* api : devices()) {
    char error[256] = "";
    for (const int64_t hiddenSize : {0, 5}) {
      LossCase loss({24, hiddenSize, 90}, VLPRM_BCE, VLPRM_BF16, 4);
      CHECK(api->stepLoss(&loss.op, error, sizeof error) == VLPRM_CUDA_OK);
      const std::vector<float> gradient = loss.gradient;
      void* features = nullptr;
      const size_t bytes = loss.halves.size() * sizeof(uint16_t);
      CHECK(api->allocate(bytes, &features, error, sizeof error) == VLPRM_CUDA_OK);
      CHECK(api->upload(features, loss.halves.data(), bytes, error, sizeof error) == VLPRM_CUDA_OK);
      loss.op.features = features;
      loss.gradient.assign(gradient.size(), NAN);
      CHECK(api->stepLoss(&loss.op, error, sizeof error) == VLPRM_CUDA_OK);
      CHECK(loss.gradient == gradient);
      api->release(features);
    }
  }
}

TEST_CASE("adamw on the device agrees with the CPU") {
  for (const VlprmCudaApi* api : devices()) {
    char error[256] = "";
    for (const size_t size : {size_t{1}, size_t{37}, size_t{9001}}) {
      std::mt19937 random(static_cast<unsigned>(size));
      const std::vector<float> gradient = normals(random, size, 1);
      std::vector<float> ours = normals(random, size, 1), theirs = ours, moments[4];
      for (std::vector<float>& moment : moments) moment.assign(size, 0.5f);
      const auto step = [&](std::vector<float>& parameters, int first) {
        return VlprmAdamW{parameters.data(), gradient.data(), moments[first].data(), moments[first + 1].data(), static_cast<int64_t>(size), 0.9, 0.999, 1e-8,
                          0.01, 1.5, 0.99, 0.7, -1};
      };
      VlprmAdamW onDevice = step(ours, 0), onCpu = step(theirs, 2);
      CHECK(api->adamw(&onDevice, error, sizeof error) == VLPRM_CUDA_OK);
      CHECK(cpu::adamw(onCpu, {}));
      CHECK(onDevice.applied == 1);
      for (size_t i = 0; i < size; ++i) CHECK_NEAR(ours[i], theirs[i], 1e-6 * std::fmax(1, std::fabs(theirs[i])));
    }
  }
}

TEST_CASE("random searches leave on a device the bits that they leave on the CPU") {
  for (const VlprmCudaApi* api : devices()) {
    for (unsigned seed = 0; seed < 60; ++seed) {
      const std::vector<int64_t> expected = search(seed, 12, 5, TreeOps::of(&cpu::kernels()));
      CHECK(search(seed, 12, 5, TreeOps::onDevice(api, seed % 2 == 0)) == expected);
    }
  }
}

}  // namespace vlprm::test
#endif
