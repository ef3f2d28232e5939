// Calls of the CUDA module as the addon makes them, wall clock around each: rows on the device and in host memory, against the CPU
// backend on the same rows. Kernels alone are timed in the lab (csrc/cuda/lab).
#include "cuda/module.h"

#include <cstdlib>

#include "bench/bench.h"
#include "bench/stepScoreCall.h"
#include "cpu/kernels.h"

#if defined(__linux__)
#include <dlfcn.h>

namespace vlprm::bench {

namespace {

// The module that VLPRM_CUDA_MODULE names, else the one that was built beside the bench; null with the reason.
const VlprmCudaApi* deviceApi(std::string& detail) {
  const char* named = std::getenv("VLPRM_CUDA_MODULE");
  const char* built = nullptr;
#if defined(VLPRM_CUDA_PATH)
  built = VLPRM_CUDA_PATH;
#endif
  const char* path = named == nullptr ? built : named;
  detail = "no CUDA module was built";
  if (path == nullptr) return nullptr;
  void* module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) detail = dlerror();
  const auto getApi = module == nullptr ? nullptr : reinterpret_cast<VlprmCudaGetApi>(dlsym(module, VLPRM_CUDA_GET_API));
  const VlprmCudaApi* api = getApi == nullptr ? nullptr : getApi(VLPRM_CUDA_ABI);
  if (api == nullptr) return nullptr;
  char found[256] = "";
  char error[256] = "";
  const bool usable = api->probe(found, sizeof found, error, sizeof error) == VLPRM_CUDA_OK;
  detail = usable ? found : error;
  return usable ? api : nullptr;
}

void check(int status, const char* error) {
  if (status == VLPRM_CUDA_OK) return;
  std::fprintf(stderr, "%s\n", error);
  std::abort();
}

void score(const VlprmCudaApi& api, VlprmStepScore& op, const void* hidden) {
  char error[256] = "";
  op.hidden = hidden;
  check(api.stepScore(&op, error, sizeof error), error);
}

// A copy of a pool on the device.
class DevicePool {
 public:
  DevicePool(const VlprmCudaApi& api, const void* host, size_t bytes) : api_(api) {
    char error[256] = "";
    check(api.allocate(bytes, &memory_, error, sizeof error), error);
    check(api.upload(memory_, host, bytes, error, sizeof error), error);
  }
  ~DevicePool() { api_.release(memory_); }
  DevicePool(const DevicePool&) = delete;
  DevicePool& operator=(const DevicePool&) = delete;
  const char* get() const { return static_cast<const char*>(memory_); }

 private:
  const VlprmCudaApi& api_;
  void* memory_ = nullptr;
};

void measure(Report& report, const VlprmCudaApi& api, const StepScoreShape& shape) {
  const std::string name = "cuda " + nameOf(shape);
  if (!report.wants(name)) return;
  Pool<uint16_t> pool(shape.steps * shape.stride * shape.width, halves(shape.dtype));
  const DevicePool device(api, pool.window(0), pool.bytes());
  StepScoreCall call(shape);
  const int threads = cpu::processors();
  const auto onCpu = [&](int64_t sample) {
    call.op.hidden = pool.window(sample);
    if (!cpu::stepScore(call.op, {threads})) std::abort();
  };
  const auto offset = [&](int64_t sample) { return reinterpret_cast<const char*>(pool.window(sample)) - reinterpret_cast<const char*>(pool.window(0)); };
  const double bytes = static_cast<double>(shape.steps * shape.width) * sizeof(uint16_t);
  const std::string work = std::to_string(shape.steps) + " steps of width " + std::to_string(shape.width) + ": probabilities, all aggregates, choice and vote";
  const Peer peer = {"cpu backend, " + threadsText(threads), "best-tuned", onCpu};
  report.compare({name + ", rows on the device", "cuda backend", work, bytes,
                  [&](int64_t sample) { score(api, call.op, device.get() + offset(sample)); }, {peer}});
  report.compare({name + ", rows in host memory", "cuda backend", work, bytes, [&](int64_t sample) { score(api, call.op, pool.window(sample)); }, {peer}});
}

void measureTransfers(Report& report, const VlprmCudaApi& api) {
  constexpr size_t BYTES = size_t{256} << 20;
  std::vector<char> host(BYTES, 1);
  const DevicePool device(api, host.data(), BYTES);
  char error[256] = "";
  report.compare({"cuda upload, pageable memory", "cuda backend", "256 MiB", static_cast<double>(BYTES),
                  [&](int64_t) { check(api.upload(const_cast<char*>(device.get()), host.data(), BYTES, error, sizeof error), error); }, {}});
  report.compare({"cuda download, pageable memory", "cuda backend", "256 MiB", static_cast<double>(BYTES),
                  [&](int64_t) { check(api.download(host.data(), device.get(), BYTES, error, sizeof error), error); }, {}});
}

}  // namespace

BENCH("cuda") {
  std::string detail;
  const VlprmCudaApi* api = deviceApi(detail);
  if (api == nullptr) {
    report.unmeasured("cuda", detail);
    return;
  }
  report.version("cuda", detail);
  if (report.wants("cuda upload")) measureTransfers(report, *api);
  measure(report, *api, {VLPRM_BF16, 3584, 100'000});
  measure(report, *api, {VLPRM_BF16, 3584, 2500, 16});
  measure(report, *api, {VLPRM_BF16, 3584, 256});
  for (const int64_t width : {2048, 8192}) measure(report, *api, {VLPRM_BF16, width, 4096});
  measure(report, *api, {VLPRM_F16, 3584, 4096});
  measure(report, *api, {VLPRM_BF16, 3584, 4096, 1, 4});
}

}  // namespace vlprm::bench
#endif
