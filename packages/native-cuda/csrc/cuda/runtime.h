// The CUDA runtime, or its emulation on the CPU (VLPRM_SIMT_EMULATION), for host code.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(VLPRM_SIMT_EMULATION)
#include "cuda/emulation/runtime.h"
#else
#include <cuda_runtime.h>
#endif

namespace vlprm::cuda {

#if defined(VLPRM_SIMT_EMULATION)
constexpr bool NEEDS_DRIVER = false;
#else
constexpr bool NEEDS_DRIVER = true;
#endif

struct Grid {
  dim3 blocks;
  dim3 threads;
  size_t sharedBytes = 0;
  cudaStream_t stream = nullptr;
};

template <class... P, class... A>
cudaError_t launch(const Grid& grid, void (*kernel)(P...), A&&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid.blocks;
  config.blockDim = grid.threads;
  config.dynamicSmemBytes = grid.sharedBytes;
  config.stream = grid.stream;
  return cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...);
}

// Blocks of `threads` threads for `items` items, at least one.
inline unsigned blocksFor(int64_t items, int64_t threads) { return static_cast<unsigned>(items < 1 ? 1 : (items + threads - 1) / threads); }

}  // namespace vlprm::cuda
