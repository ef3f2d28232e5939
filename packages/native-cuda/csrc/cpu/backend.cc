// Chooses the instruction set and owns the scratch memory. The only file of the CPU backend that is compiled once.
#include <memory>
#include <new>

#include "cpu/kernels.h"
#include "cpu/twoLayerHead.h"

namespace vlprm::cpu {

namespace baseline {
extern const Kernels table;
}
#ifdef VLPRM_HAS_AVX2
namespace avx2 {
extern const Kernels table;
}
#endif

namespace {

constexpr size_t ALIGNMENT = 64;

struct AlignedDelete {
  void operator()(char* memory) const { ::operator delete(memory, std::align_val_t{ALIGNMENT}); }
};

std::unique_ptr<char, AlignedDelete> scratchMemory(size_t bytes) {
  return std::unique_ptr<char, AlignedDelete>(static_cast<char*>(::operator new(bytes, std::align_val_t{ALIGNMENT})));
}

}  // namespace

size_t stepScoreScratch(const VlprmStepScore& op) {
  if (op.head != nullptr) return TileMemory::bytes(TwoLayerHead(op.head, op.width, op.hiddenSize));
  return static_cast<size_t>(op.others) * (sizeof(double) * CHUNK + sizeof(float) * static_cast<size_t>(roundUp(op.width, SPAN)));
}

size_t stepLossScratch(const VlprmStepLoss& op) {
  if (op.hiddenSize == 0) {
    return static_cast<size_t>(op.width + 1) * (sizeof(double) + sizeof(float)) + ALIGNMENT + static_cast<size_t>(roundUp(op.width, SPAN)) * sizeof(float);
  }
  const TwoLayerHead head(op.head, op.width, op.hiddenSize);
  const size_t sums = static_cast<size_t>(op.hiddenSize * (op.width + 2) + 1) * sizeof(double);
  return sums + ALIGNMENT + TileMemory::bytes(head) + static_cast<size_t>(2 * head.paddedUnits) * sizeof(float);
}

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

void stepScore(const VlprmStepScore& op) { kernels().stepScore(op, scratchMemory(stepScoreScratch(op)).get()); }

void stepLoss(VlprmStepLoss& op) { kernels().stepLoss(op, scratchMemory(stepLossScratch(op)).get()); }

}  // namespace vlprm::cpu
