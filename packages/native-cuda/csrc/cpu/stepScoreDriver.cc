#include "cpu/kernels.h"
#include "cpu/scratch.h"
#include "cpu/twoLayerHead.h"

namespace vlprm::cpu {

size_t stepScoreScratch(const VlprmStepScore& op) {
  if (op.head != nullptr) return TileMemory::bytes(TwoLayerHead(op.head, op.width, op.hiddenSize));
  return static_cast<size_t>(op.others) * (sizeof(double) * CHUNK + sizeof(float) * static_cast<size_t>(roundUp(op.width, SPAN)));
}

bool stepScore(VlprmStepScore& op, const Control& control) {
  kernels().stepScore(op, scratchMemory(stepScoreScratch(op)).get());
  return !control.aborted();
}

}  // namespace vlprm::cpu
