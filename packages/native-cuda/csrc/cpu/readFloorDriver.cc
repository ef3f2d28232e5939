#include <atomic>

#include "cpu/kernels.h"

namespace vlprm::cpu {

uint64_t readFloor(const char* bytes, int64_t size, int threads) {
  constexpr int64_t CHUNK = 1024 * 1024;
  const Kernels* found[4];
  const Kernels& run = *found[everyKernels(found) - 1];
  std::atomic<uint64_t> sum{0};
  forEachRange(size, CHUNK, threads, {}, [&](int, int64_t begin, int64_t end) { sum += run.readFloor(bytes + begin, end - begin); });
  return sum;
}

}  // namespace vlprm::cpu
