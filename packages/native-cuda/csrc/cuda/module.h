// C ABI between the addon (or a test) and vlprm_cuda.so. Both sides are built from this file; the numbers tell when they were not.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "ops/stepScore.h"

// Raised with every change of VlprmCudaApi or of a struct in ops/ that it hands over.
#define VLPRM_CUDA_ABI 1u
#define VLPRM_CUDA_GET_API "vlprm_cuda_get_api"

struct VlprmCudaApi {
  uint32_t abi;
  uint32_t structSize;     // sizeof(VlprmCudaApi)
  uint32_t stepScoreSize;  // sizeof(VlprmStepScore)
  uint32_t reserved;
  // Looks for a device. 0 and a description, or non-zero and the reason. Texts are cut to the sizes given.
  int (*probe)(char* detail, size_t detailSize, char* error, size_t errorSize);
  // Host memory in, host memory out. 0, or non-zero and what the device said.
  int (*stepScore)(const VlprmStepScore* op, char* error, size_t errorSize);
};

// Null when the module was built for another ABI.
typedef const VlprmCudaApi* (*VlprmCudaGetApi)(uint32_t abi);
