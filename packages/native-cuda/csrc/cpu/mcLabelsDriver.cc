#include "cpu/kernels.h"

namespace vlprm::cpu {

bool mcLabels(VlprmMcLabels& op, const Control& control) {
  kernels().mcLabels(op);
  return !control.aborted();
}

}  // namespace vlprm::cpu
