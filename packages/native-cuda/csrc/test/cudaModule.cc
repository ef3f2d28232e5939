// The CUDA module without Node, each build of it that there is: on a device where one is, and on the emulation.
#include "cuda/module.h"

#include "test/stepScoreCase.h"

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

TEST_CASE("stepScore on the device agrees with float64") {
  for (const VlprmCudaApi* api : devices()) {
    unsigned seed = 1;
    char error[256] = "";
    for (const StepScoreShape& shape : stepScoreShapes()) {
      StepScoreCase score(shape, seed++);
      score.poison();
      const int status = api->stepScore(&score.op, error, sizeof error);
      if (status != VLPRM_CUDA_OK) std::printf("  %s\n", error);
      CHECK(status == VLPRM_CUDA_OK);
      if (status == VLPRM_CUDA_OK) checkStepScore(score);
    }
  }
}

}  // namespace vlprm::test
#endif
