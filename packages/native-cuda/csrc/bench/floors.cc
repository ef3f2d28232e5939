// What this machine can do at most: bytes read, bytes copied.
#include "bench/bench.h"
#include "bench/pool.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

BENCH("floor") {
  constexpr int64_t BYTES = int64_t{128} << 20;
  Pool<char> from(BYTES, std::vector<char>(4096, 1));
  Pool<char> to(BYTES, std::vector<char>(4096, 2));
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    report.compare({"floor read" + on, "reads only", "128 MiB read", BYTES, [&](int64_t sample) { cpu::readFloor(from.window(sample), BYTES, threads); }, {}});
    report.compare({"floor copy" + on, "memcpy by 1 MiB", "128 MiB read, as much written", 2.0 * BYTES,
                    [&](int64_t sample) {
                      const char* source = from.window(sample);
                      char* target = to.window(sample);
                      cpu::forEachRange(BYTES, 1 << 20, threads, {}, [&](int, int64_t begin, int64_t end) {
                        std::memcpy(target + begin, source + begin, static_cast<size_t>(end - begin));
                      });
                    },
                    {}});
  }
}

}  // namespace vlprm::bench
