// A kernel launch as the emulated stream holds it.
#pragma once
#include <functional>

#include "cuda/emulation/language.h"

namespace vlprm::simt {

struct Launch {
  dim3 grid;
  dim3 block;
  size_t sharedBytes;
};

// Runs kernel() once per thread of the grid.
void runGrid(const Launch& launch, const std::function<void()>& kernel);

}  // namespace vlprm::simt
