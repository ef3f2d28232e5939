#include <cstdlib>

#include "bench/bench.h"
#include "bench/pool.h"
#include "bench/stepScoreCall.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

namespace {

template <class Element>
void measure(Report& report, const StepScoreShape& shape, const std::vector<Element>& pattern) {
  if (!report.wants(nameOf(shape))) return;
  Pool<Element> pool(shape.steps * shape.stride * shape.width, pattern);
  StepScoreCall call(shape);
  const int64_t rowBytes = shape.width * static_cast<int64_t>(sizeof(Element));
  const int64_t bytes = shape.steps * rowBytes;
  // Successive samples gather different rows of a window.
  const auto window = [&](int64_t sample) {
    if (shape.resident) return reinterpret_cast<const char*>(pool.window(0));
    return reinterpret_cast<const char*>(pool.window(sample)) + sample % shape.stride * rowBytes;
  };
  // Gathered rows lie apart, and so they are read.
  const cpu::Kernels* found[4];
  const cpu::Kernels& widest = *found[cpu::everyKernels(found) - 1];
  const auto floor = [&](int64_t sample, int threads) {
    if (shape.stride == 1) {
      cpu::readFloor(window(sample), bytes, threads);
      return;
    }
    cpu::forEachRange(shape.steps, 128, threads, {}, [&](int, int64_t begin, int64_t end) {
      for (int64_t step = begin; step < end; ++step) widest.readFloor(window(sample) + step * shape.stride * rowBytes, rowBytes);
    });
  };
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    report.compare({nameOf(shape) + on, "cpu backend" + on,
                    std::to_string(shape.steps) + " steps of width " + std::to_string(shape.width) + ": probabilities, all aggregates, choice and vote",
                    static_cast<double>(bytes),
                    [&](int64_t sample) {
                      call.op.hidden = window(sample);
                      if (!cpu::stepScore(call.op, {threads})) std::abort();
                    },
                    {{"read floor, same bytes" + on, "floor", [&](int64_t sample) { floor(sample, threads); }}}});
  }
}

void measure(Report& report, const StepScoreShape& shape) {
  if (shape.dtype == VLPRM_F32) {
    measure(report, shape, normals(8191, 1, 1));
  } else {
    measure(report, shape, halves(shape.dtype));
  }
}

}  // namespace

BENCH("stepScore") {
  for (const int32_t dtype : {VLPRM_F32, VLPRM_BF16, VLPRM_F16}) {
    measure(report, {dtype, 3584, 4096});
    measure(report, {dtype, 3584, 2500, 16});
  }
  measure(report, {VLPRM_BF16, 3584, 100'000});
  measure(report, {VLPRM_BF16, 3584, 256});
  measure(report, {VLPRM_BF16, 3584, 64, 1, 1, 0, true});
  for (const int64_t width : {2048, 8192}) measure(report, {VLPRM_BF16, width, 4096});
  measure(report, {VLPRM_F32, 8192, 4096});
  measure(report, {VLPRM_BF16, 3584, 4096, 1, 4});
  measure(report, {VLPRM_F32, 110, 16'384});
  measure(report, {VLPRM_F32, 110, 16'384, 1, 1, 64});
}

}  // namespace vlprm::bench
