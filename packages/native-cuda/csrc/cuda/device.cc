#include "cuda/device.h"

#include <stdio.h>

namespace vlprm::cuda {

namespace {

constexpr size_t ALIGNMENT = 256;
constexpr size_t KEPT_SCRATCH = size_t{1} << 30;
constexpr size_t KEPT_GRAPHS = 128;

size_t aligned(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

template <class T>
cudaError_t allocateDevice(T** memory, size_t bytes) {
  void* address = nullptr;
  const cudaError_t status = cudaMalloc(&address, bytes);
  *memory = static_cast<T*>(address);
  return status;
}

template <class T>
cudaError_t allocatePinned(T** memory, size_t bytes) {
  void* address = nullptr;
  const cudaError_t status = cudaMallocHost(&address, bytes);
  *memory = static_cast<T*>(address);
  return status;
}

}  // namespace

bool Failure::passed(cudaError_t status, const char* what) {
  if (!none()) return false;
  if (status == cudaSuccess) return true;
  snprintf(text_, size_, "%s: %s (%s)", what, cudaGetErrorName(status), cudaGetErrorString(status));
  cudaGetLastError();
  status_ = status == cudaErrorMemoryAllocation ? VLPRM_CUDA_OUT_OF_MEMORY : VLPRM_CUDA_FAILED;
  return false;
}

cudaError_t Arena::take(size_t bytes, void** memory) {
  bytes = aligned(bytes == 0 ? 1 : bytes);
  if (blocks_.empty() || blocks_.back().bytes - used_ < bytes) {
    Piece block = {nullptr, bytes};
    const cudaError_t status = allocateDevice(&block.memory, bytes);
    if (status != cudaSuccess) return status;
    blocks_.push_back(block);
    used_ = 0;
  }
  *memory = blocks_.back().memory + used_;
  used_ += bytes;
  return cudaSuccess;
}

void Arena::reset() {
  used_ = 0;
  if (blocks_.size() <= 1 && bytes() <= KEPT_SCRATCH) return;
  const size_t total = bytes();
  for (const Piece& block : blocks_) cudaFree(block.memory);
  blocks_.clear();
  void* memory = nullptr;
  if (total <= KEPT_SCRATCH && take(total, &memory) == cudaSuccess) used_ = 0;
}

size_t Arena::bytes() const {
  size_t sum = 0;
  for (const Piece& block : blocks_) sum += block.bytes;
  return sum;
}

size_t Packet::reserve(size_t bytes) {
  bytes = aligned(bytes);
  if (bytes > CAPACITY - used) return CAPACITY;
  used += bytes;
  return used - bytes;
}

Device& Device::get() {
  static Device& one = *new Device;  // never destroyed: the driver may be gone when a process ends
  return one;
}

bool Device::prepare(Failure& failure) {
  if (prepared_) return true;
  cudaDeviceProp properties;
  if (!failure.passed(cudaGetDeviceProperties(&properties, 0), "device properties")) return false;
  processors = properties.multiProcessorCount;
  sharedLimit = properties.sharedMemPerBlockOptin;
  if (stream == nullptr && !failure.passed(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream")) return false;
  for (Packet* packet : {&inputs, &outputs}) {
    if (packet->host == nullptr && !failure.passed(allocatePinned(&packet->host, Packet::CAPACITY), "page-locked memory")) return false;
    if (packet->device == nullptr && !failure.passed(allocateDevice(&packet->device, Packet::CAPACITY), "memory for arguments")) return false;
  }
  for (Slot& slot : slots) {
    if (slot.host == nullptr && !failure.passed(allocatePinned(&slot.host, Slot::CAPACITY), "page-locked memory")) return false;
    if (slot.idle == nullptr && !failure.passed(cudaEventCreateWithFlags(&slot.idle, cudaEventDisableTiming), "event")) return false;
  }
  prepared_ = true;
  return true;
}

void Device::boundGraphs() {
  if (graphs.size() < KEPT_GRAPHS) return;
  for (const auto& [key, graph] : graphs) cudaGraphExecDestroy(graph);
  graphs.clear();
}

int Device::allocate(size_t bytes, void** memory, Failure& failure) {
  *memory = nullptr;
  if (!failure.passed(cudaMalloc(memory, bytes), "buffer")) return failure.status();
  const std::lock_guard<std::mutex> lock(allocationsMutex_);
  allocations_[reinterpret_cast<uintptr_t>(*memory)] = bytes;
  return VLPRM_CUDA_OK;
}

void Device::release(void* memory) {
  {
    const std::lock_guard<std::mutex> lock(allocationsMutex_);
    if (allocations_.erase(reinterpret_cast<uintptr_t>(memory)) == 0) return;
  }
  cudaFree(memory);
}

bool Device::owns(const void* memory, size_t bytes) {
  const std::lock_guard<std::mutex> lock(allocationsMutex_);
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return false;
  const auto& [begin, size] = *--after;
  return address - begin <= size && bytes <= size - (address - begin);
}

int Device::describe(VlprmCudaMemory* memory, Failure& failure) {
  size_t available = 0;
  size_t total = 0;
  if (!failure.passed(cudaMemGetInfo(&available, &total), "memory report")) return failure.status();
  *memory = {total, available, 0, 0, 0};
  {
    const std::lock_guard<std::mutex> lock(allocationsMutex_);
    for (const auto& [address, bytes] : allocations_) memory->buffers += bytes;
  }
  const std::lock_guard<std::mutex> lock(mutex);
  memory->scratch = scratch.bytes() + (prepared_ ? 2 * Packet::CAPACITY : 0);
  memory->pinned = prepared_ ? 2 * Packet::CAPACITY + 2 * Slot::CAPACITY : 0;
  return VLPRM_CUDA_OK;
}

}  // namespace vlprm::cuda
