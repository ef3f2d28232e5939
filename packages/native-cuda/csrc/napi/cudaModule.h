// Finds, loads and probes the CUDA module, once per process, and says which step failed.
#pragma once
#include <string>

#include "cuda/module.h"

namespace vlprm::napi {

struct CudaProbe {
  const VlprmCudaApi* api;  // null when there is a reason
  std::string detail;
  std::string reason;
};

const CudaProbe& cudaProbe(const std::string& modulePath);
// The api found by an earlier probe, or null.
const VlprmCudaApi* cudaApi();

}  // namespace vlprm::napi
