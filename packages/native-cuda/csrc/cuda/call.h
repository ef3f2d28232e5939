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
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "cuda/device.h"

namespace vlprm::cuda {

// Host memory to write, and where kernels will read it.
template <class T>
struct Staged {
  T* host;
  const T* device;
};

// Writes bytes [offset, offset + size) of an array to `host`.
typedef std::function<void(char* host, size_t offset, size_t size)> Fill;

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

  // Small things that kernels read, to be written to the host side before the first launch.
  template <class T>
  Staged<T> stage(int64_t count) {
    const size_t offset = device_.inputs.reserve(failed() ? 0 : bytesOf<T>(count));
    if (offset == Packet::CAPACITY) failure_.passed(cudaErrorMemoryAllocation, "staging");
    if (failed()) return {};
    return {reinterpret_cast<T*>(device_.inputs.host + offset), reinterpret_cast<const T*>(device_.inputs.device + offset)};
  }
  // Device address of an array that kernels read and that fill() writes.
  const void* filled(size_t bytes, const Fill& fill);

  // Fills device memory piece by piece, in the order of the stream.
  void upload(void* device, size_t bytes, const Fill& fill);
  // Device memory to host memory, now.
  void download(void* host, const void* device, size_t bytes);
  void zero(void* device, size_t bytes);

  template <class... P, class... A>
  void launch(const char* what, Grid grid, void (*kernel)(P...), A&&... arguments) {
    if (failed()) return;
    if (grid.sharedBytes > SHARED_BY_DEFAULT) {
      const cudaError_t allowed = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.sharedBytes));
      if (!failure_.passed(allowed, what)) return;
    }
    grid.stream = device_.stream;
    if (recording_) {
      record(what, grid, kernel, std::tuple<std::decay_t<P>...>(static_cast<A&&>(arguments)...));
    } else if (ready()) {
      failure_.passed(cuda::launch(grid, kernel, static_cast<A&&>(arguments)...), what);
    }
  }

  // Whether all inputs and outputs are small or on the device, and no scratch memory was taken: then launches can be replayed.
  bool packed() const { return packed_; }
  // Runs the launches that `launches` makes, between the copies of inputs and outputs, as one CUDA graph. The graph is kept, and used by
  // later calls that make the same launches with the same arguments: let kernels read what varies from stage().
  template <class F>
  void replay(const F& launches) {
    recording_ = true;
    launches();
    recording_ = false;
    runGraph();
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
  template <class T>
  void identify(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>, "kernels take plain values");
    graphKey_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class... P>
  void record(const char* what, const Grid& grid, void (*kernel)(P...), const std::tuple<std::decay_t<P>...>& arguments) {
    identify(kernel);
    identify(grid);
    std::apply([this](const auto&... each) { (identify(each), ...); }, arguments);
    recorded_.push_back([this, what, grid, kernel, arguments] {
      std::apply([&](const auto&... each) { failure_.passed(cuda::launch(grid, kernel, each...), what); }, arguments);
    });
  }
  void runGraph();
  cudaGraphExec_t capture(size_t inputBytes, size_t outputBytes);

  const void* input(const void* array, size_t bytes);
  void* output(void* array, size_t bytes);
  void* update(void* array, size_t bytes);
  void* take(size_t bytes);
  // Sends the inputs gathered so far; false after a failure.
  bool ready();

  Device& device_;
  std::unique_lock<std::mutex> turn_;
  Failure failure_;
  size_t sent_ = 0;                      // bytes of device_.inputs
  bool received_ = false;                // device_.outputs
  std::vector<Download> fromPacket_;     // from the host side of device_.outputs
  std::vector<Download> fromDevice_;
  bool packed_ = true;
  bool recording_ = false;
  std::string graphKey_;
  std::vector<std::function<void()>> recorded_;
};

}  // namespace vlprm::cuda
