#include "cpu/kernels.h"

namespace vlprm::cpu {

bool adamw(VlprmAdamW& op, const Control& control) {
  kernels().adamw(op);
  return !control.aborted();
}

}  // namespace vlprm::cpu
