// Chooses the instruction set.
#include <cstdlib>
#include <cstring>

#include "cpu/kernels.h"

namespace vlprm::cpu {

namespace baseline {
extern const Kernels table;
}
#ifdef VLPRM_X86
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}
#endif

size_t everyKernels(const Kernels* found[4]) {
  size_t count = 0;
  found[count++] = &baseline::table;
#ifdef VLPRM_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
    found[count++] = &avx2::table;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
      found[count++] = &avx512::table;
    }
  }
#endif
  return count;
}

const char* requestedIsa() {
  const char* name = std::getenv("VLPRM_ISA");
  return name == nullptr || *name == '\0' ? nullptr : name;
}

namespace {

const Kernels* choose() {
  const Kernels* found[4];
  const size_t count = everyKernels(found);
  const char* requested = requestedIsa();
  for (size_t i = 0; requested != nullptr && i < count; ++i) {
    if (std::strcmp(found[i]->isa, requested) == 0) return found[i];
  }
  return found[count - 1];
}

}  // namespace

const Kernels& kernels() {
  static const Kernels* const chosen = choose();
  return *chosen;
}

const Kernels& kernelsOf(const Control& control) { return control.kernels == nullptr ? kernels() : *control.kernels; }

}  // namespace vlprm::cpu
