// C ABI between the addon (or a test) and the CUDA module. Both sides are built from this file; the numbers tell when they were not.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "ops/adamw.h"
#include "ops/expandNodes.h"
#include "ops/mcLabels.h"
#include "ops/puctSelect.h"
#include "ops/stepLoss.h"
#include "ops/stepScore.h"
#include "ops/valueBackup.h"

// Raised with every change of VlprmCudaApi or of a struct in ops/ that it hands over.
#define VLPRM_CUDA_ABI 9u
#define VLPRM_CUDA_GET_API "vlprm_cuda_get_api"

// Every op, with the struct that holds its arguments.
#define VLPRM_CUDA_OPS(DO)           \
  DO(stepScore, VlprmStepScore)      \
  DO(stepLoss, VlprmStepLoss)        \
  DO(adamw, VlprmAdamW)              \
  DO(mcLabels, VlprmMcLabels)        \
  DO(puctSelect, VlprmPuctSelect)    \
  DO(expandNodes, VlprmExpandNodes)  \
  DO(valueBackup, VlprmValueBackup)

// Sizes of the structs in ops/, mixed so that a change of any shows.
constexpr uint32_t vlprmOpsSize() {
  uint32_t mixed = 0;
#define VLPRM_MIX(name, Struct) mixed = mixed * 31 + static_cast<uint32_t>(sizeof(Struct));
  VLPRM_CUDA_OPS(VLPRM_MIX)
#undef VLPRM_MIX
  return mixed;
}

enum VlprmCudaStatus { VLPRM_CUDA_OK = 0, VLPRM_CUDA_FAILED = 1, VLPRM_CUDA_OUT_OF_MEMORY = 2 };

// Bytes.
struct VlprmCudaMemory {
  uint64_t total;      // of the device
  uint64_t available;  // of the device, to every process
  uint64_t buffers;    // held by allocate()
  uint64_t scratch;    // kept on the device for calls
  uint64_t pinned;     // page-locked host memory kept for transfers
};

// Functions that can fail return a VlprmCudaStatus and leave a text, cut to the size given. All may be called from any thread.
// A pointer in an op may be host memory, or point into memory that allocate() gave out: then it is used in place.
struct VlprmCudaApi {
  uint32_t abi;
  uint32_t structSize;   // sizeof(VlprmCudaApi)
  uint32_t opsSize;      // vlprmOpsSize()
  uint32_t needsDriver;  // 0 for the emulation, which may be probed without libcuda.so.1

  // Looks for a device and describes it.
  int (*probe)(char* detail, size_t detailSize, char* error, size_t errorSize);

  int (*allocate)(size_t bytes, void** memory, char* error, size_t errorSize);
  void (*release)(void* memory);
  int (*upload)(void* device, const void* host, size_t bytes, char* error, size_t errorSize);
  int (*download)(void* host, const void* device, size_t bytes, char* error, size_t errorSize);
  int (*memoryInfo)(VlprmCudaMemory* memory, char* error, size_t errorSize);

#define VLPRM_MEMBER(name, Struct) int (*name)(Struct* op, char* error, size_t errorSize);
  VLPRM_CUDA_OPS(VLPRM_MEMBER)  // null where the module lacks one
#undef VLPRM_MEMBER
};

// Null when the module was built for another ABI.
typedef const VlprmCudaApi* (*VlprmCudaGetApi)(uint32_t abi);
