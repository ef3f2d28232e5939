// The read floor that benchmarks compare against: loads every byte of a buffer and does as little as possible with it.
#include <string.h>

#include "cpu/kernels.h"

namespace vlprm::cpu::VLPRM_ISA {

uint64_t readFloor(const char* bytes, int64_t size) {
  typedef uint64_t Words __attribute__((vector_size(32)));  // as fast as 64 bytes, or faster
  constexpr int STREAMS = 8;
  Words sums[STREAMS] = {};
  int64_t i = 0;
  for (; i + static_cast<int64_t>(sizeof sums) <= size; i += sizeof sums) {
    for (int k = 0; k < STREAMS; ++k) {
      Words words;
      memcpy(&words, bytes + i + k * sizeof words, sizeof words);
      sums[k] += words;
    }
  }
  uint64_t sum = 0;
  for (const Words& words : sums) {
    for (size_t k = 0; k < sizeof words / sizeof sum; ++k) sum += words[k];
  }
  for (; i < size; ++i) sum += static_cast<unsigned char>(bytes[i]);
  return sum;
}

}  // namespace vlprm::cpu::VLPRM_ISA
