// 64-byte aligned memory for one call.
#pragma once
#include <stddef.h>

#include <memory>
#include <new>

namespace vlprm::cpu {

constexpr size_t SCRATCH_ALIGNMENT = 64;

struct ScratchDelete {
  void operator()(char* memory) const { ::operator delete(memory, std::align_val_t{SCRATCH_ALIGNMENT}); }
};

typedef std::unique_ptr<char, ScratchDelete> ScratchMemory;

inline ScratchMemory scratchMemory(size_t bytes) {
  return ScratchMemory(static_cast<char*>(::operator new(bytes, std::align_val_t{SCRATCH_ALIGNMENT})));
}

}  // namespace vlprm::cpu
