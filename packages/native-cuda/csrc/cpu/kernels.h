// The CPU backend. Every <op>.cc here is compiled once per instruction set, each time into the namespace VLPRM_ISA,
// so these files hold no std:: template and no inline function of external linkage: the linker could otherwise keep
// the copy made for another instruction set. <op>Driver.cc is compiled once: it owns chunks, threads and scratch memory.
#pragma once
#include <stddef.h>

#include "cpu/threads.h"
#include "ops/adamw.h"
#include "ops/mcLabels.h"
#include "ops/stepLoss.h"
#include "ops/stepScore.h"

namespace vlprm::cpu {

struct Kernels {
  const char* isa;
  void (*stepScore)(const VlprmStepScore&, char* scratch);
  void (*stepLoss)(VlprmStepLoss&, char* scratch);
  void (*adamw)(VlprmAdamW&);
  void (*mcLabels)(VlprmMcLabels&);
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

// Each op on kernels(): chunks, threads, scratch memory. False when control was aborted; the outputs are then undefined.
bool stepScore(VlprmStepScore&, const Control&);
bool stepLoss(VlprmStepLoss&, const Control&);
bool adamw(VlprmAdamW&, const Control&);
bool mcLabels(VlprmMcLabels&, const Control&);

}  // namespace vlprm::cpu
