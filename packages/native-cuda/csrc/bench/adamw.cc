#include <cstdlib>

#include "bench/bench.h"
#include "bench/pool.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

namespace {

struct Arrays {
  float* __restrict parameters;
  const float* __restrict gradient;
  float* __restrict firstMoment;
  float* __restrict secondMoment;
};

// What an update reads and writes, with one subtraction for each number written.
void touch(const Arrays& arrays, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const float g = arrays.gradient[i];
    arrays.parameters[i] = g - arrays.parameters[i];
    arrays.firstMoment[i] = g - arrays.firstMoment[i];
    arrays.secondMoment[i] = 0.02f - arrays.secondMoment[i];
  }
}

void measure(Report& report, int64_t size, bool clipping) {
  const std::vector<float> pattern = normals(8191, 0.01f, 1);
  Pool<float> parameters(size, pattern), gradient(size, pattern), first(size, pattern), second(size, std::vector<float>(8191, 0.01f));
  const auto bytes = static_cast<double>(size * 4 * (clipping ? 8 : 7));
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    const Run update = [&](int64_t sample) {
      VlprmAdamW op = {};
      op.parameters = parameters.window(sample);
      op.gradient = gradient.window(sample);
      op.firstMoment = first.window(sample);
      op.secondMoment = second.window(sample);
      op.size = size;
      op.beta1 = 0.9;
      op.beta2 = 0.999;
      op.epsilon = 1e-8;
      op.stepSize = 1e-9;
      op.secondScale = 1;
      op.keep = 1;
      op.maxGradNorm = clipping ? 1e9 : 0;
      if (!cpu::adamw(op, {threads})) std::abort();
    };
    const Run floor = [&](int64_t sample) {
      const Arrays arrays = {parameters.window(sample), gradient.window(sample), first.window(sample), second.window(sample)};
      if (clipping) cpu::readFloor(reinterpret_cast<const char*>(arrays.gradient), size * 4, threads);
      cpu::forEachRange(size, 1 << 16, threads, {}, [&](int, int64_t begin, int64_t end) { touch(arrays, begin, end); });
    };
    report.compare({"adamw " + std::to_string(size) + (clipping ? " with clipping" : "") + on, "cpu backend" + on,
                    clipping ? "gradient read; parameters, gradient and two moments read; parameters and moments written"
                             : "parameters, gradient and two moments read; parameters and moments written",
                    bytes, update, {{"the same reads and writes in place" + on, "floor", floor}}});
  }
}

}  // namespace

BENCH("adamw") {
  measure(report, 1'000'000, false);
  measure(report, 33'554'432, false);
  measure(report, 33'554'432, true);
}

}  // namespace vlprm::bench
