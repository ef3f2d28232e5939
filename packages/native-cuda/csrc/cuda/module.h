// C ABI between the addon (or a test) and vlprm_cuda.so. Both sides are built from this file; the numbers tell when they were not.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "ops/adamw.h"
#include "ops/mcLabels.h"
#include "ops/stepLoss.h"
#include "ops/stepScore.h"

// Raised with every change of VlprmCudaApi or of a struct in ops/ that it hands over.
#define VLPRM_CUDA_ABI 2u
#define VLPRM_CUDA_GET_API "vlprm_cuda_get_api"

// Sizes of the structs in ops/, mixed so that a change of any shows.
#define VLPRM_OPS_SIZE                                                                                                    \
  (static_cast<uint32_t>(sizeof(VlprmStepScore)) + 1000u * static_cast<uint32_t>(sizeof(VlprmStepLoss)) +              \
   1000000u * static_cast<uint32_t>(sizeof(VlprmAdamW)) + 30000000u * static_cast<uint32_t>(sizeof(VlprmMcLabels)))

struct VlprmCudaApi {
  uint32_t abi;
  uint32_t structSize;  // sizeof(VlprmCudaApi)
  uint32_t opsSize;     // VLPRM_OPS_SIZE
  uint32_t reserved;
  // Looks for a device. 0 and a description, or non-zero and the reason. Texts are cut to the sizes given.
  int (*probe)(char* detail, size_t detailSize, char* error, size_t errorSize);
  // The ops. 0, or non-zero and what the device said. Null where the module lacks one.
  int (*stepScore)(VlprmStepScore* op, char* error, size_t errorSize);
  int (*stepLoss)(VlprmStepLoss* op, char* error, size_t errorSize);
  int (*adamw)(VlprmAdamW* op, char* error, size_t errorSize);
  int (*mcLabels)(VlprmMcLabels* op, char* error, size_t errorSize);
};

// Null when the module was built for another ABI.
typedef const VlprmCudaApi* (*VlprmCudaGetApi)(uint32_t abi);
