#include "cpu/kernels.h"
#include "cpu/scratch.h"
#include "cpu/twoLayerHead.h"

namespace vlprm::cpu {

size_t stepLossScratch(const VlprmStepLoss& op) {
  if (op.hiddenSize == 0) {
    const size_t sums = static_cast<size_t>(op.width + 1) * (sizeof(double) + sizeof(float));
    return sums + SCRATCH_ALIGNMENT + static_cast<size_t>(roundUp(op.width, SPAN)) * sizeof(float);
  }
  const TwoLayerHead head(op.head, op.width, op.hiddenSize);
  const size_t sums = static_cast<size_t>(op.hiddenSize * (op.width + 2) + 1) * sizeof(double);
  return sums + SCRATCH_ALIGNMENT + panelBytes(head) + TileMemory::bytes(head) + static_cast<size_t>(2 * head.paddedUnits) * sizeof(float);
}

bool stepLoss(VlprmStepLoss& op, const Control& control) {
  kernels().stepLoss(op, scratchMemory(stepLossScratch(op)).get());
  return !control.aborted();
}

}  // namespace vlprm::cpu
