// The device of this process (device 0): one stream, memory that calls reuse, page-locked staging, and the allocations handed out.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "cuda/module.h"
#include "cuda/runtime.h"

namespace vlprm::cuda {

// The first thing that failed, as text.
class Failure {
 public:
  Failure(char* text, size_t size) : text_(text), size_(size) {}
  // False, with the text written, when `status` is an error or an earlier one was.
  bool passed(cudaError_t status, const char* what);
  int status() const { return status_; }
  bool none() const { return status_ == VLPRM_CUDA_OK; }

 private:
  char* text_;
  size_t size_;
  int status_ = VLPRM_CUDA_OK;
};

// Memory taken piece by piece and given back all at once. What one call needed is there in one block for the next.
class Arena {
 public:
  cudaError_t take(size_t bytes, void** memory);
  void reset();
  size_t bytes() const;

 private:
  struct Piece {
    char* memory;
    size_t bytes;
  };
  std::vector<Piece> blocks_;
  size_t used_ = 0;  // of the last block
};

// Host and device memory of one size: small arrays gather here, and cross the bus in one copy.
struct Packet {
  static constexpr size_t CAPACITY = size_t{4} << 20;
  char* host = nullptr;
  char* device = nullptr;
  size_t used = 0;

  // Offset of `bytes` more, or CAPACITY when they do not fit.
  size_t reserve(size_t bytes);
};

// Page-locked memory through which a large array crosses, while the other slot is filled or emptied.
struct Slot {
  static constexpr size_t CAPACITY = size_t{8} << 20;
  char* host = nullptr;
  cudaEvent_t idle = nullptr;
};

class Device {
 public:
  static Device& get();

  // Held by whoever uses the members below.
  std::mutex mutex;
  cudaStream_t stream = nullptr;
  Arena scratch;
  Packet inputs;
  Packet outputs;
  Slot slots[2];
  std::map<std::string, cudaGraphExec_t> graphs;  // by what they launch, bounded by boundGraphs()
  int processors = 0;
  size_t sharedLimit = 0;

  // Makes stream and staging at the first call.
  bool prepare(Failure& failure);
  // Drops all graphs once there are many.
  void boundGraphs();

  // These lock for themselves.
  int allocate(size_t bytes, void** memory, Failure& failure);
  void release(void* memory);
  // Whether [memory, memory + bytes) lies in an allocation.
  bool owns(const void* memory, size_t bytes);
  int describe(VlprmCudaMemory* memory, Failure& failure);

 private:
  std::mutex allocationsMutex_;
  std::map<uintptr_t, size_t> allocations_;  // address to bytes
  bool prepared_ = false;
};

}  // namespace vlprm::cuda
