// Entry point of the CUDA module: device probe, memory for buffers and the table of ops.
#include "cuda/module.h"

#include <stdio.h>

#include "cuda/call.h"

namespace vlprm::cuda {

// Each in csrc/cuda/<op>.cu.
#define VLPRM_DECLARE(name, Struct) int name(Struct* op, char* error, size_t errorSize);
VLPRM_CUDA_OPS(VLPRM_DECLARE)
#undef VLPRM_DECLARE

namespace {

int probe(char* detail, size_t detailSize, char* error, size_t errorSize) {
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
    return VLPRM_CUDA_FAILED;
  }
  Failure failure(error, errorSize);
  cudaDeviceProp properties;
  if (!failure.passed(cudaGetDeviceProperties(&properties, 0), "device properties")) return failure.status();
  snprintf(detail, detailSize, "%s, compute capability %d.%d, %.0f GiB, CUDA %d.%d", properties.name, properties.major, properties.minor,
           static_cast<double>(properties.totalGlobalMem) / (1u << 30), driver / 1000, driver % 1000 / 10);
  return VLPRM_CUDA_OK;
}

int allocate(size_t bytes, void** memory, char* error, size_t errorSize) {
  Failure failure(error, errorSize);
  return Device::get().allocate(bytes, memory, failure);
}

void release(void* memory) { Device::get().release(memory); }

int upload(void* device, const void* host, size_t bytes, char* error, size_t errorSize) {
  Call call(error, errorSize);
  call.upload(device, bytes, [host](char* to, size_t at, size_t size) { memcpy(to, static_cast<const char*>(host) + at, size); });
  return call.finish();
}

int download(void* host, const void* device, size_t bytes, char* error, size_t errorSize) {
  Call call(error, errorSize);
  call.download(host, device, bytes);
  return call.finish();
}

int memoryInfo(VlprmCudaMemory* memory, char* error, size_t errorSize) {
  Failure failure(error, errorSize);
  return Device::get().describe(memory, failure);
}

#define VLPRM_ENTRY(name, Struct) name,
const VlprmCudaApi api = {VLPRM_CUDA_ABI, sizeof(VlprmCudaApi), vlprmOpsSize(), NEEDS_DRIVER, probe, allocate, release, upload, download, memoryInfo,
                          VLPRM_CUDA_OPS(VLPRM_ENTRY)};
#undef VLPRM_ENTRY

}  // namespace

}  // namespace vlprm::cuda

extern "C" __attribute__((visibility("default"))) const VlprmCudaApi* vlprm_cuda_get_api(uint32_t abi) {
  return abi == VLPRM_CUDA_ABI ? &vlprm::cuda::api : nullptr;
}
