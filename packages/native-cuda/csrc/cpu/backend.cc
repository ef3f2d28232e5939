// Chooses the instruction set.
#include "cpu/kernels.h"

namespace vlprm::cpu {

namespace baseline {
extern const Kernels table;
}
#ifdef VLPRM_HAS_AVX2
namespace avx2 {
extern const Kernels table;
}
#endif

size_t everyKernels(const Kernels* found[4]) {
  size_t count = 0;
  found[count++] = &baseline::table;
#ifdef VLPRM_HAS_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) found[count++] = &avx2::table;
#endif
  return count;
}

const Kernels& kernels() {
  const Kernels* found[4];
  return *found[everyKernels(found) - 1];
}

}  // namespace vlprm::cpu
