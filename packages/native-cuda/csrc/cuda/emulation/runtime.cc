#include "cuda/emulation/runtime.h"

#include <stdio.h>
#include <stdlib.h>

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#endif

namespace vlprm::simt {

namespace {

// As an H100 has them, but for few processors and little memory.
constexpr int PROCESSORS = 4;
constexpr size_t MEMORY = size_t{1} << 30;
constexpr size_t SHARED_DEFAULT = size_t{48} << 10;
constexpr size_t SHARED_LIMIT = size_t{227} << 10;
constexpr size_t THREADS_LIMIT = 1024;
constexpr int VERSION = 13000;
constexpr uint8_t UNWRITTEN = 0xa5;

typedef std::chrono::steady_clock Clock;
typedef std::vector<std::function<void()>> Work;

}  // namespace

struct Stream {
  std::deque<std::function<void()>> pending;
  Graph* capture = nullptr;
};

struct Event {
  Stream* stream = nullptr;
  Clock::time_point at;
  bool reached = false;
};

struct Graph {
  Work work;
};

namespace {

struct Runtime {
  std::recursive_mutex mutex;
  std::set<Stream*> streams;
  std::map<void*, size_t> device;
  std::set<void*> pinned;
  std::map<const void*, size_t> sharedAllowed;
  size_t used = 0;
  cudaError_t last = cudaSuccess;
  Stream defaultStream;

  Runtime() { streams.insert(&defaultStream); }
};

Runtime& runtime() {
  static Runtime& one = *new Runtime;  // a process may end with work pending
  return one;
}

cudaError_t note(cudaError_t status) {
  if (status != cudaSuccess) runtime().last = status;
  return status;
}

typedef std::lock_guard<std::recursive_mutex> Lock;

Stream* orDefault(Stream* stream) { return stream == nullptr ? &runtime().defaultStream : stream; }

void drain(Stream* stream) {
  Runtime& all = runtime();
  for (const auto& [memory, bytes] : all.device) ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
  while (!stream->pending.empty()) {
    const std::function<void()> work = std::move(stream->pending.front());
    stream->pending.pop_front();
    work();
  }
  for (const auto& [memory, bytes] : all.device) ASAN_POISON_MEMORY_REGION(memory, bytes);
}

void drainAll() {
  for (Stream* stream : runtime().streams) drain(stream);
}

}  // namespace

void enqueue(Stream* stream, std::function<void()> work) {
  const Lock lock(runtime().mutex);
  stream = orDefault(stream);
  if (stream->capture != nullptr) {
    stream->capture->work.push_back(std::move(work));
  } else {
    stream->pending.push_back(std::move(work));
  }
}

cudaError_t checkLaunch(const void* kernel, const Launch& launch) {
  const Lock lock(runtime().mutex);
  const size_t threads = size_t{launch.block.x} * launch.block.y * launch.block.z;
  const size_t blocks = size_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  if (threads == 0 || threads > THREADS_LIMIT || blocks == 0 || launch.grid.y > 65535 || launch.grid.z > 65535) return note(cudaErrorInvalidConfiguration);
  const auto allowed = runtime().sharedAllowed.find(kernel);
  const size_t limit = allowed == runtime().sharedAllowed.end() ? SHARED_DEFAULT : allowed->second;
  return launch.sharedBytes > limit ? note(cudaErrorInvalidValue) : cudaSuccess;
}

cudaError_t allowShared(const void* kernel, int bytes) {
  const Lock lock(runtime().mutex);
  if (bytes < 0 || static_cast<size_t>(bytes) > SHARED_LIMIT) return note(cudaErrorInvalidValue);
  size_t& allowed = runtime().sharedAllowed.emplace(kernel, SHARED_DEFAULT).first->second;
  allowed = static_cast<size_t>(bytes) < SHARED_DEFAULT ? SHARED_DEFAULT : static_cast<size_t>(bytes);
  return cudaSuccess;
}

}  // namespace vlprm::simt

using namespace vlprm::simt;

const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
  }
  return "cudaErrorUnknown";
}

const char* cudaGetErrorString(cudaError_t status) { return status == cudaErrorMemoryAllocation ? "out of memory" : "emulated"; }

cudaError_t cudaGetLastError() {
  const Lock lock(runtime().mutex);
  return std::exchange(runtime().last, cudaSuccess);
}

cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return note(cudaErrorInvalidValue);
  *properties = {};
  snprintf(properties->name, sizeof properties->name, "SIMT emulation on the CPU, for tests");
  properties->totalGlobalMem = MEMORY;
  properties->sharedMemPerBlockOptin = SHARED_LIMIT;
  properties->major = 9;
  properties->multiProcessorCount = PROCESSORS;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : note(cudaErrorInvalidValue); }

cudaError_t cudaDeviceSynchronize() {
  const Lock lock(runtime().mutex);
  drainAll();
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  Runtime& all = runtime();
  const Lock lock(all.mutex);
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > MEMORY - all.used) return note(cudaErrorMemoryAllocation);
  *memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*memory == nullptr) return note(cudaErrorMemoryAllocation);
  memset(*memory, UNWRITTEN, (bytes + 255) / 256 * 256);
  ASAN_POISON_MEMORY_REGION(*memory, (bytes + 255) / 256 * 256);
  all.device[*memory] = bytes;
  all.used += bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  Runtime& all = runtime();
  const Lock lock(all.mutex);
  if (memory == nullptr) return cudaSuccess;
  const auto found = all.device.find(memory);
  if (found == all.device.end()) return note(cudaErrorInvalidValue);
  drainAll();
  ASAN_UNPOISON_MEMORY_REGION(memory, (found->second + 255) / 256 * 256);
  all.used -= found->second;
  all.device.erase(found);
  free(memory);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  Runtime& all = runtime();
  const Lock lock(all.mutex);
  *memory = malloc(bytes);
  if (*memory == nullptr) return note(cudaErrorMemoryAllocation);
  memset(*memory, UNWRITTEN, bytes);
  all.pinned.insert(*memory);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
  Runtime& all = runtime();
  const Lock lock(all.mutex);
  if (memory == nullptr) return cudaSuccess;
  if (all.pinned.erase(memory) == 0) return note(cudaErrorInvalidValue);
  drainAll();
  free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  const Lock lock(runtime().mutex);
  *available = MEMORY - runtime().used;
  *total = MEMORY;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  if (bytes > 0) enqueue(stream, [=] { memcpy(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  if (bytes > 0) enqueue(stream, [=] { memset(memory, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const Lock lock(runtime().mutex);
  *stream = new Stream;
  runtime().streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  drain(stream);
  runtime().streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (orDefault(stream)->capture != nullptr) return note(cudaErrorStreamCaptureUnsupported);
  drain(orDefault(stream));
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new Event;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const cudaError_t status = cudaEventSynchronize(event);
  delete event;
  return status;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  event->stream = orDefault(stream);
  event->reached = false;
  enqueue(stream, [event] {
    event->at = Clock::now();
    event->reached = true;
  });
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(runtime().mutex);
  if (event->stream != nullptr && !event->reached) drain(event->stream);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  const Lock lock(runtime().mutex);
  if (!begin->reached || !end->reached) return note(cudaErrorNotReady);
  *milliseconds = std::chrono::duration<float, std::milli>(end->at - begin->at).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const Lock lock(runtime().mutex);
  if (stream == nullptr || stream->capture != nullptr) return note(cudaErrorStreamCaptureUnsupported);
  stream->capture = new Graph;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(runtime().mutex);
  if (stream->capture == nullptr) return note(cudaErrorStreamCaptureUnsupported);
  *graph = std::exchange(stream->capture, nullptr);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new Graph(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  for (const std::function<void()>& work : executable->work) enqueue(stream, work);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
