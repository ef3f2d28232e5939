// A wave cut into chunks of trees. Trees share nothing, so threads take them as they come.
#pragma once
#include "cpu/threads.h"
#include "ops/trees.h"

namespace vlprm::cpu {

inline int treeThreads(const VlprmWave& wave, const Control& control) {
  constexpr int64_t LEAVES_PER_THREAD = 256;  // below, waking another thread costs more than it saves
  return threadsFor(control, wave.count * wave.leavesPerTree, LEAVES_PER_THREAD);
}

// body(thread, begin, end) for the trees of the wave. False, with nothing changed, when control was aborted beforehand: once
// begun, a wave goes to its end.
template <class Body>
bool forEachTreeChunk(const VlprmWave& wave, const Control& control, const Body& body) {
  constexpr int64_t TREES = 64;
  if (control.aborted()) return false;
  const Control toTheEnd = {control.threads, nullptr, control.kernels};
  return forEachRange(wave.count, TREES, treeThreads(wave, control), toTheEnd, body);
}

}  // namespace vlprm::cpu
