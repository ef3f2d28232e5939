// One call of an op on the device, as its host code sees it:
//
//   int half(VlprmHalf* op, char* error, size_t errorSize) {
//     Call call(error, errorSize);
//     const float* x = call.in(op->x, op->size);
//     float* y = call.out(op->y, op->size);
//     call.launch("half", {blocksFor(op->size, 256), 256}, halfKernel, x, y, op->size);
//     return call.finish();
//   }
//
// Host arrays are staged; arrays that already lie on the device are used where they are. After a failure every further step is
// skipped and pointers are null; finish() tells. Outputs in host memory are written by finish() alone, and only when all went well.
#pragma once
#include <functional>
#include <mutex>
#include <vector>

#include "cuda/device.h"

namespace vlprm::cuda {

class Call {
 public:
  // Waits for its turn: calls of one process follow one another on the device's stream.
  Call(char* error, size_t errorSize);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool failed() const { return !failure_.none(); }
  int processors() const { return device_.processors; }
  size_t sharedLimit() const { return device_.sharedLimit; }
  cudaStream_t stream() const { return device_.stream; }
  // Whether the array lies on the device.
  template <class T>
  bool resident(const T* array, int64_t count) const {
    return device_.owns(array, static_cast<size_t>(count) * sizeof(T));
  }

  // Device address of an array that kernels read. Null for null; not null for an array of none.
  template <class T>
  const T* in(const T* array, int64_t count) {
    return static_cast<const T*>(input(array, bytesOf<T>(count)));
  }
  // Device address of an array that kernels write in full.
  template <class T>
  T* out(T* array, int64_t count) {
    return static_cast<T*>(output(array, bytesOf<T>(count)));
  }
  // Device address of an array that kernels read and write.
  template <class T>
  T* inout(T* array, int64_t count) {
    return static_cast<T*>(update(array, bytesOf<T>(count)));
  }
  // Device memory for this call, aligned to 256 bytes, holding garbage.
  template <class T>
  T* scratch(int64_t count) {
    return static_cast<T*>(take(bytesOf<T>(count)));
  }

  // Fills `bytes` of device memory with what fill(host, offset, size) writes piece by piece.
  void upload(void* device, size_t bytes, const std::function<void(char* host, size_t offset, size_t size)>& fill);
  // Device memory to host memory, now.
  void download(void* host, const void* device, size_t bytes);
  void zero(void* device, size_t bytes);

  template <class... P, class... A>
  void launch(const char* what, Grid grid, void (*kernel)(P...), A&&... arguments) {
    if (!ready()) return;
    if (grid.sharedBytes > SHARED_BY_DEFAULT) {
      const cudaError_t allowed = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.sharedBytes));
      if (!failure_.passed(allowed, what)) return;
    }
    grid.stream = device_.stream;
    failure_.passed(cuda::launch(grid, kernel, static_cast<A&&>(arguments)...), what);
  }
  // Anything else on the stream, such as a graph.
  template <class F>
  void enqueue(const char* what, F&& work) {
    if (ready()) failure_.passed(work(device_.stream), what);
  }

  // Waits for the device and writes the outputs. A VlprmCudaStatus.
  int finish();

 private:
  static constexpr size_t SHARED_BY_DEFAULT = size_t{48} << 10;

  struct Download {
    void* to;
    const void* from;
    size_t bytes;
  };

  template <class T>
  static size_t bytesOf(int64_t count) {
    return static_cast<size_t>(count) * sizeof(T);
  }
  const void* input(const void* array, size_t bytes);
  void* output(void* array, size_t bytes);
  void* update(void* array, size_t bytes);
  void* take(size_t bytes);
  // Sends the inputs gathered so far; false after a failure.
  bool ready();

  Device& device_;
  std::unique_lock<std::mutex> turn_;
  Failure failure_;
  size_t sent_ = 0;                  // bytes of device_.inputs
  std::vector<Download> packed_;     // from the host side of device_.outputs
  std::vector<Download> downloads_;  // from the device
};

}  // namespace vlprm::cuda
