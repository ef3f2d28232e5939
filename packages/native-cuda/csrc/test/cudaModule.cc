// The CUDA module without Node: loads it, and where a device is, holds it to the same cases as the CPU.
#include "cuda/module.h"

#include "test/stepScoreCase.h"

#if defined(__linux__) && defined(VLPRM_CUDA_MODULE_PATH)
#include <dlfcn.h>

namespace vlprm::test {

namespace {

const VlprmCudaApi* moduleApi(uint32_t abi) {
  void* module = dlopen(VLPRM_CUDA_MODULE_PATH, RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return nullptr;
  const auto getApi = reinterpret_cast<VlprmCudaGetApi>(dlsym(module, VLPRM_CUDA_GET_API));
  return getApi == nullptr ? nullptr : getApi(abi);
}

}  // namespace

TEST_CASE("the CUDA module loads without a driver and answers to its ABI alone") {
  const VlprmCudaApi* api = moduleApi(VLPRM_CUDA_ABI);
  CHECK(api != nullptr);
  CHECK(moduleApi(VLPRM_CUDA_ABI + 1) == nullptr);
  if (api == nullptr) return;
  CHECK(api->structSize == sizeof(VlprmCudaApi));
  CHECK(api->opsSize == VLPRM_OPS_SIZE);
}

TEST_CASE("stepScore on the device agrees with float64, or the probe says why there is none") {
  const VlprmCudaApi* api = moduleApi(VLPRM_CUDA_ABI);
  CHECK(api != nullptr);
  if (api == nullptr) return;
  char detail[256] = "", error[256] = "";
  if (api->probe(detail, sizeof detail, error, sizeof error) != 0) {
    CHECK(error[0] != '\0');
    std::printf("  skipped on the device: %s\n", error);
    return;
  }
  std::printf("  device: %s\n", detail);
  unsigned seed = 1;
  for (const StepScoreShape& shape : stepScoreShapes()) {
    StepScoreCase score(shape, seed++);
    score.poison();
    const int status = api->stepScore(&score.op, error, sizeof error);
    if (status != 0) std::printf("  %s\n", error);
    CHECK(status == 0);
    if (status == 0) checkStepScore(score);
  }
}

}  // namespace vlprm::test
#endif
