// The CPU backend. Every <op>.cc here is compiled once per instruction set, each time into the namespace VLPRM_ISA,
// so these files hold no std:: template and no inline function of external linkage: the linker could otherwise keep
// the copy made for another instruction set. <op>Driver.cc is compiled once: it owns chunks, threads and scratch memory.
#pragma once
#include <stddef.h>

#include "cpu/threads.h"
#include "ops/adamw.h"
#include "ops/expandNodes.h"
#include "ops/mcLabels.h"
#include "ops/puctSelect.h"
#include "ops/stepLoss.h"
#include "ops/stepScore.h"
#include "ops/valueBackup.h"

namespace vlprm::cpu {

constexpr int64_t STEP_BLOCK = 64;  // steps whose logits are computed before their probabilities

// Every step, candidate and problem is computed by itself, so ranges may be cut anywhere.
struct StepScoreKernels {
  // The label rows or the head in the order in which `steps` reads them.
  void (*pack)(const VlprmStepScore&, float* packed);
  void (*steps)(const VlprmStepScore&, const float* packed, char* scratch, int64_t begin, int64_t end);
  void (*candidates)(const VlprmStepScore&, int64_t begin, int64_t end);  // once their steps are written
  void (*problems)(const VlprmStepScore&, int64_t begin, int64_t end);    // once their candidates are
};

struct AdamWKernels {
  // f64 sum of the squares of a chunk.
  double (*squaredNorm)(const VlprmAdamW&, int64_t begin, int64_t end);
  void (*update)(const VlprmAdamW&, double clip, int64_t begin, int64_t end);
};

// Rows [begin, end) of the minibatch of a stepLoss, and what they add to it.
struct LossChunk {
  int64_t begin;
  int64_t end;
  int64_t firstTrace;  // VLPRM_PQM: the trace that begins at `begin`
  double* sums;        // out: [parameters]
  double loss;         // out
};

// What is written for a step, by its counts.
struct LabelEntry {
  float rate;
  float lower;
  float upper;
  int32_t label;
};

// `table` [VLPRM_INTERVAL_SIDE, VLPRM_INTERVAL_SIDE] is by completed and correct. Ranges may be cut anywhere.
struct McLabelsKernels {
  // Counts and labels steps of rollouts that lie together. Returns the index of the first invalid outcome there, or -1.
  int64_t (*steps)(const VlprmMcLabels&, const LabelEntry* table, int64_t begin, int64_t end);
  // Adds keyed rollouts to counters [steps, 4], by outcome. Returns as above.
  int64_t (*count)(const VlprmMcLabels&, int32_t* counters, int64_t begin, int64_t end);
  // Labels steps by their counters.
  void (*counters)(const VlprmMcLabels&, const LabelEntry* table, const int32_t* counters, int64_t begin, int64_t end);
};

struct Kernels {
  const char* isa;
  const StepScoreKernels* stepScore;
  void (*stepLoss)(const VlprmStepLoss&, LossChunk&, char* scratch);
  const AdamWKernels* adamw;
  const McLabelsKernels* mcLabels;
  // On the trees [begin, end) of the wave.
  void (*puctSelect)(const VlprmPuctSelect&, int64_t begin, int64_t end);
  void (*expandNodes)(const VlprmExpandNodes&, int64_t begin, int64_t end);
  void (*valueBackup)(const VlprmValueBackup&, int64_t begin, int64_t end, char* scratch);  // scratch is all zeros before and after
  uint64_t (*readFloor)(const char* bytes, int64_t size);
};

// Bytes of 64-byte aligned scratch memory.
size_t stepLossScratch(const VlprmStepLoss&, int64_t chunkRows);
size_t valueBackupScratch(const VlprmValueBackup&);

// Parameters of the head.
int64_t lossParameters(const VlprmStepLoss&);

// The kernels of the instruction set that VLPRM_ISA names, if this processor has it, or of the fastest one that it has.
const Kernels& kernels();
// VLPRM_ISA, or null when it is not set.
const char* requestedIsa();
// All that this processor can run, the baseline first. Returns how many.
size_t everyKernels(const Kernels* found[4]);
// control.kernels, or else kernels().
const Kernels& kernelsOf(const Control& control);

// Each op on kernels(): chunks, threads, scratch memory. False when control was aborted; the outputs are then undefined.
bool stepScore(VlprmStepScore&, const Control&);
bool stepLoss(VlprmStepLoss&, const Control&);
bool adamw(VlprmAdamW&, const Control&);
bool mcLabels(VlprmMcLabels&, const Control&);
bool puctSelect(VlprmPuctSelect&, const Control&);
bool expandNodes(VlprmExpandNodes&, const Control&);
bool valueBackup(VlprmValueBackup&, const Control&);

// Reads every byte as fast as this machine can, for benchmarks. The sum only keeps the loads from being optimised away.
uint64_t readFloor(const char* bytes, int64_t size, int threads);

}  // namespace vlprm::cpu
