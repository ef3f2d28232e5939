// The SIMT emulation itself: what kernels of the module may count on in tests, and what it must catch.
#include <sys/wait.h>
#include <unistd.h>

#include "cuda/simt.h"
#include "test/harness.h"

namespace vlprm::test {

namespace {

using cuda::ALL_LANES;

// Device memory of one test.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(size_t count) : count_(count) {
    void* memory = nullptr;
    CHECK(cudaMalloc(&memory, count * sizeof(T)) == cudaSuccess);
    memory_ = static_cast<T*>(memory);
  }
  ~OnDevice() { cudaFree(memory_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* get() const { return memory_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    cudaMemcpyAsync(values.data(), memory_, count_ * sizeof(T), cudaMemcpyDeviceToHost, nullptr);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
    return values;
  }

 private:
  size_t count_;
  T* memory_;
};

__global__ void shuffles(int* out) {
  const int lane = threadIdx.x % 32;
  int* mine = out + 6 * threadIdx.x;
  mine[0] = __shfl_sync(ALL_LANES, lane, 5);
  mine[1] = __shfl_sync(ALL_LANES, lane, 9, 8);
  mine[2] = __shfl_xor_sync(ALL_LANES, lane, 3);
  mine[3] = __shfl_down_sync(ALL_LANES, lane, 2, 4);
  mine[4] = __shfl_up_sync(ALL_LANES, lane, 1);
  mine[5] = static_cast<int>(__ballot_sync(ALL_LANES, lane % 2 == 0));
}

// Reverses `size` values of the block through shared memory, and counts in device memory.
__global__ void reverse(int* values, int* count) {
  DYNAMIC_SHARED(int, staged);
  staged[threadIdx.x] = values[cuda::globalThread()];
  __syncthreads();
  values[cuda::globalThread()] = staged[blockDim.x - 1 - threadIdx.x];
  atomicAdd(count, 1);
}

__global__ void halfAtBarrier() {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else {
    __shfl_xor_sync(ALL_LANES, 1, 1);
  }
}

__global__ void outsideMask() { __shfl_xor_sync(0xfu, 1, 1); }

// Runs a kernel in a child process: true when the process aborts.
bool aborts(void (*kernel)()) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    std::fclose(stderr);
    cuda::launch({1, 32}, kernel);
    cudaDeviceSynchronize();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace

TEST_CASE("emulated warps exchange values as CUDA defines it") {
  const OnDevice<int> out(6 * 64);
  CHECK(cuda::launch({1, 64}, shuffles, out.get()) == cudaSuccess);
  const std::vector<int> values = out.read();
  for (int thread = 0; thread < 64; ++thread) {
    const int lane = thread % 32;
    const int* mine = values.data() + 6 * thread;
    CHECK(mine[0] == 5);
    CHECK(mine[1] == lane / 8 * 8 + 1);
    CHECK(mine[2] == (lane ^ 3));
    CHECK(mine[3] == (lane % 4 < 2 ? lane + 2 : lane));
    CHECK(mine[4] == (lane > 0 ? lane - 1 : 0));
    CHECK(static_cast<unsigned>(mine[5]) == 0x55555555u);
  }
}

TEST_CASE("emulated blocks share memory across a barrier, in either order of threads") {
  constexpr int BLOCKS = 3, THREADS = 80;
  std::vector<int> given(BLOCKS * THREADS);
  for (size_t i = 0; i < given.size(); ++i) given[i] = static_cast<int>(i);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const OnDevice<int> values(given.size()), count(1);
    cudaMemcpyAsync(values.get(), given.data(), given.size() * sizeof(int), cudaMemcpyHostToDevice, nullptr);
    cudaMemsetAsync(count.get(), 0, sizeof(int), nullptr);
    CHECK(cuda::launch({BLOCKS, THREADS, THREADS * sizeof(int)}, reverse, values.get(), count.get()) == cudaSuccess);
    const std::vector<int> reversed = values.read();
    for (int i = 0; i < BLOCKS * THREADS; ++i) CHECK(reversed[static_cast<size_t>(i)] == i / THREADS * THREADS + THREADS - 1 - i % THREADS);
    CHECK(count.read()[0] == BLOCKS * THREADS);
  }
}

TEST_CASE("an emulated stream does nothing before someone waits, and a graph repeats what was captured") {
  const OnDevice<int> count(1), values(32);
  cudaStream_t stream;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  cudaMemsetAsync(count.get(), 0, sizeof(int), stream);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(cuda::launch({1, 32, 128, stream}, reverse, values.get(), count.get()) == cudaSuccess);
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  CHECK(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess);
  for (int repeat = 0; repeat < 3; ++repeat) CHECK(cudaGraphLaunch(executable, stream) == cudaSuccess);
  int seen = -1;
  cudaMemcpyAsync(&seen, count.get(), sizeof seen, cudaMemcpyDeviceToHost, stream);
  CHECK(seen == -1);
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(seen == 96);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

TEST_CASE("the emulation aborts on divergent barriers and on a mask that leaves a caller out") {
  CHECK(aborts(halfAtBarrier));
  CHECK(aborts(outsideMask));
}

TEST_CASE("the emulation refuses launches that a device would refuse") {
  const OnDevice<int> out(1);
  CHECK(cuda::launch({1, 2048}, shuffles, out.get()) == cudaErrorInvalidConfiguration);
  CHECK(cuda::launch({0, 32}, shuffles, out.get()) == cudaErrorInvalidConfiguration);
  CHECK(cuda::launch({1, 32, 64 << 10}, shuffles, out.get()) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);
}

}  // namespace vlprm::test
