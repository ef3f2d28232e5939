#include "cpu/kernels.h"
#include "cpu/treeChunks.h"

namespace vlprm::cpu {

bool puctSelect(VlprmPuctSelect& op, const Control& control) {
  const Kernels& run = kernelsOf(control);
  return forEachTreeChunk(op.wave, control, [&](int, int64_t begin, int64_t end) { run.puctSelect(op, begin, end); });
}

}  // namespace vlprm::cpu
