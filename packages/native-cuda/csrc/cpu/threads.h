// Work cut into chunks and shared among threads. Chunks depend on shapes alone, never on the number of threads, and partial
// results are combined in chunk order, so that results do not depend on that number either.
#pragma once
#include <stdint.h>

#include <atomic>
#include <functional>

namespace vlprm::cpu {

struct Kernels;

// What a call may use, and whether it should still go on.
struct Control {
  int threads = 0;                              // 0: as many as pay for this call
  const std::atomic<int32_t>* abort = nullptr;  // raised (non-zero) by another thread
  const Kernels* kernels = nullptr;             // null: the best for this processor

  bool aborted() const { return abort != nullptr && abort->load(std::memory_order_relaxed) != 0; }
};

// Processors that this process may run on.
int processors();

// Calls body(chunk, thread) for every chunk in [0, chunks), each exactly once, on at most `threads` threads of which the caller is
// one; thread is in [0, threads). The body must not throw. No further chunk is begun once control is aborted; false if some chunk did not run.
bool forEachChunk(int64_t chunks, int threads, const Control& control, const std::function<void(int64_t chunk, int thread)>& body);

// The same for the ranges of `size` that make up [0, count): body(thread, begin, end).
bool forEachRange(int64_t count, int64_t size, int threads, const Control& control,
                  const std::function<void(int thread, int64_t begin, int64_t end)>& body);

// control.threads, or for 0 the smaller of processors() and one thread per `grain` units of `work`; at least 1.
int threadsFor(const Control& control, int64_t work, int64_t grain);

}  // namespace vlprm::cpu
