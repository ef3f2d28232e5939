#include "cpu/kernels.h"
#include "cpu/treeChunks.h"

namespace vlprm::cpu {

bool expandNodes(VlprmExpandNodes& op, const Control& control) {
  const Kernels& run = kernelsOf(control);
  return forEachTreeChunk(op.wave, control, [&](int, int64_t begin, int64_t end) { run.expandNodes(op, begin, end); });
}

}  // namespace vlprm::cpu
