// The CPU backend. Every <op>.cc here is compiled once per instruction set, each time into the namespace VLPRM_ISA,
// so these files hold no std:: template and no inline function of external linkage: the linker could otherwise keep
// the copy made for another instruction set. Scratch memory therefore comes from the caller (backend.cc).
#pragma once
#include <stddef.h>

#include "ops/adamw.h"
#include "ops/mcLabels.h"
#include "ops/stepLoss.h"
#include "ops/stepScore.h"

namespace vlprm::cpu {

struct Kernels {
  const char* isa;
  void (*stepScore)(const VlprmStepScore&, char* scratch);
  void (*stepLoss)(VlprmStepLoss&, char* scratch);
  bool (*adamw)(const VlprmAdamW&);
  int64_t (*mcLabels)(const VlprmMcLabels&);
  // Reads every byte; the sum only keeps the loads from being optimised away.
  uint64_t (*readFloor)(const char* bytes, int64_t size);
};

// Bytes of 64-byte aligned scratch memory.
size_t stepScoreScratch(const VlprmStepScore&);
size_t stepLossScratch(const VlprmStepLoss&);

// The kernels for the widest instruction set that this processor has.
const Kernels& kernels();
// All that this processor can run, the baseline first. Returns how many.
size_t everyKernels(const Kernels* found[4]);

// Allocate the scratch memory and run on kernels().
void stepScore(const VlprmStepScore&);
void stepLoss(VlprmStepLoss&);

}  // namespace vlprm::cpu
