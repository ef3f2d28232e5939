#include "napi/cudaModule.h"

#include <map>
#include <mutex>

#if defined(__linux__)
#include <dlfcn.h>
#include <unistd.h>
#endif

namespace vlprm::napi {

namespace {

std::mutex mutex;
std::map<std::string, CudaProbe> probes;
const VlprmCudaApi* found = nullptr;

CudaProbe refused(const std::string& reason) { return {nullptr, "", reason}; }

#if defined(__linux__)

std::string loaderError() {
  const char* message = dlerror();
  return message == nullptr ? "unknown loader error" : message;
}

// Handles stay open: a driver cannot be unloaded, and the module's kernels must outlive every caller.
CudaProbe probe(const std::string& modulePath) {
  if (access(modulePath.c_str(), F_OK) != 0) return refused("CUDA module not installed: no file at " + modulePath);
  void* module = dlopen(modulePath.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return refused("cannot load CUDA module: " + loaderError());
  const auto getApi = reinterpret_cast<VlprmCudaGetApi>(dlsym(module, VLPRM_CUDA_GET_API));
  if (getApi == nullptr) return refused("cannot load CUDA module: it does not export " VLPRM_CUDA_GET_API);
  const VlprmCudaApi* api = getApi(VLPRM_CUDA_ABI);
  if (api == nullptr || api->abi != VLPRM_CUDA_ABI || api->structSize != sizeof(VlprmCudaApi) || api->opsSize != vlprmOpsSize()) {
    return refused("CUDA module ABI mismatch: rebuild it together with the addon");
  }
  if (api->needsDriver != 0 && dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr) {
    return refused("NVIDIA driver not found: " + loaderError());
  }
  char detail[256] = "";
  char error[256] = "";
  if (api->probe(detail, sizeof detail, error, sizeof error) != 0) return refused(error);
  return {api, detail, ""};
}

#else

CudaProbe probe(const std::string&) { return refused("the CUDA module exists for Linux only"); }

#endif

}  // namespace

const CudaProbe& cudaProbe(const std::string& modulePath) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto known = probes.find(modulePath);
  if (known != probes.end()) return known->second;
  const CudaProbe& result = probes.emplace(modulePath, probe(modulePath)).first->second;
  if (result.api != nullptr) found = result.api;
  return result;
}

const VlprmCudaApi* cudaApi() {
  const std::lock_guard<std::mutex> lock(mutex);
  return found;
}

}  // namespace vlprm::napi
