// The entry of one instruction set in the table of kernels.
#include "cpu/kernels.h"

#define VLPRM_STRING_OF(x) #x
#define VLPRM_STRING(x) VLPRM_STRING_OF(x)

namespace vlprm::cpu::VLPRM_ISA {

extern const StepScoreKernels stepScore;
void stepLoss(const VlprmStepLoss&, LossChunk&, char* scratch);
extern const AdamWKernels adamw;
extern const McLabelsKernels mcLabels;
void puctSelect(const VlprmPuctSelect&, int64_t begin, int64_t end);
void expandNodes(const VlprmExpandNodes&, int64_t begin, int64_t end);
void valueBackup(const VlprmValueBackup&, int64_t begin, int64_t end, char* scratch);
uint64_t readFloor(const char* bytes, int64_t size);

extern const Kernels table;
const Kernels table = {VLPRM_STRING(VLPRM_ISA), &stepScore, stepLoss, &adamw, &mcLabels, puctSelect, expandNodes, valueBackup, readFloor};

}  // namespace vlprm::cpu::VLPRM_ISA
