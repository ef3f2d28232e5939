#include <cmath>
#include <vector>

#include "cpu/kernels.h"

namespace vlprm::cpu {

namespace {

constexpr int64_t CHUNK = 64 * 1024;              // parameters
constexpr int64_t PARAMETERS_PER_THREAD = 64 * 1024;  // below, waking another thread costs more than it saves

}  // namespace

bool adamw(VlprmAdamW& op, const Control& control) {
  const AdamWKernels& run = *kernelsOf(control).adamw;
  const int threads = threadsFor(control, op.size, PARAMETERS_PER_THREAD);
  double clip = 1;
  if (op.maxGradNorm > 0) {
    std::vector<double> squares(static_cast<size_t>((op.size + CHUNK - 1) / CHUNK));
    const bool whole = forEachRange(op.size, CHUNK, threads, control, [&](int, int64_t begin, int64_t end) {
      squares[static_cast<size_t>(begin / CHUNK)] = run.squaredNorm(op, begin, end);
    });
    if (!whole) return false;
    double sum = 0;
    for (const double part : squares) sum += part;
    const double norm = std::sqrt(sum);
    op.applied = std::isfinite(norm) ? 1 : 0;
    if (op.applied == 0) return true;
    if (norm > op.maxGradNorm) clip = op.maxGradNorm / norm;
  }
  if (control.aborted()) return false;
  // From here on it is all or nothing: half an update would be worse than a late one.
  op.applied = 1;
  const Control toTheEnd = {control.threads, nullptr, control.kernels};
  return forEachRange(op.size, CHUNK, threads, toTheEnd, [&](int, int64_t begin, int64_t end) { run.update(op, clip, begin, end); });
}

}  // namespace vlprm::cpu
