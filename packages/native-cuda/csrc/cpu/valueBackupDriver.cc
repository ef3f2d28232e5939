#include <string.h>

#include <vector>

#include "cpu/kernels.h"
#include "cpu/scratch.h"
#include "cpu/treeChunks.h"

namespace vlprm::cpu {

size_t valueBackupScratch(const VlprmValueBackup& op) { return static_cast<size_t>(op.trees.stride) * (sizeof(double) + 2 * sizeof(int32_t)); }

bool valueBackup(VlprmValueBackup& op, const Control& control) {
  const size_t size = valueBackupScratch(op);
  std::vector<ScratchMemory> scratch(static_cast<size_t>(treeThreads(op.wave, control)));
  for (ScratchMemory& memory : scratch) {
    memory = scratchMemory(size);
    memset(memory.get(), 0, size);
  }
  const Kernels& run = kernelsOf(control);
  return forEachTreeChunk(op.wave, control, [&](int thread, int64_t begin, int64_t end) {
    run.valueBackup(op, begin, end, scratch[static_cast<size_t>(thread)].get());
  });
}

}  // namespace vlprm::cpu
