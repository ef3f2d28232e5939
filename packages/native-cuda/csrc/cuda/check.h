// Errors of the CUDA runtime as text.
#pragma once
#include <cuda_runtime.h>
#include <stdio.h>

namespace vlprm::cuda {

struct ErrorText {
  char* text;
  size_t size;

  // True when `status` is success; writes what failed otherwise.
  bool passed(cudaError_t status, const char* what) const {
    if (status == cudaSuccess) return true;
    snprintf(text, size, "%s: %s (%s)", what, cudaGetErrorName(status), cudaGetErrorString(status));
    cudaGetLastError();
    return false;
  }
};

}  // namespace vlprm::cuda
