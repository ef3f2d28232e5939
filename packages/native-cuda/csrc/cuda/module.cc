// Entry point of vlprm_cuda.so: device probe and table of kernels.
#include "cuda/module.h"

#include <cuda_runtime.h>
#include <stdio.h>

#include "cuda/check.h"

namespace vlprm::cuda {

int stepScore(VlprmStepScore* op, char* error, size_t errorSize);

namespace {

int probe(char* detail, size_t detailSize, char* error, size_t errorSize) {
  const ErrorText failed = {error, errorSize};
  int driver = 0;
  int runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  int devices = 0;
  const cudaError_t counted = cudaGetDeviceCount(&devices);
  if (counted != cudaSuccess || devices == 0) {
    const char* name = counted == cudaSuccess ? "no device" : cudaGetErrorName(counted);
    snprintf(error, errorSize, "no usable CUDA device: %s (driver supports CUDA %d.%d, module was built with %d.%d)", name, driver / 1000,
             driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    return 1;
  }
  cudaDeviceProp properties;
  if (!failed.passed(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties")) return 1;
  snprintf(detail, detailSize, "%s, compute capability %d.%d, %.0f GiB, CUDA %d.%d", properties.name, properties.major, properties.minor,
           static_cast<double>(properties.totalGlobalMem) / (1u << 30), driver / 1000, driver % 1000 / 10);
  return 0;
}

const VlprmCudaApi api = {VLPRM_CUDA_ABI, sizeof(VlprmCudaApi), VLPRM_OPS_SIZE, 0, probe, stepScore, nullptr, nullptr, nullptr};

}  // namespace

}  // namespace vlprm::cuda

extern "C" __attribute__((visibility("default"))) const VlprmCudaApi* vlprm_cuda_get_api(uint32_t abi) {
  return abi == VLPRM_CUDA_ABI ? &vlprm::cuda::api : nullptr;
}
