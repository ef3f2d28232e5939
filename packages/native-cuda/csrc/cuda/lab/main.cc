// vlprm_lab [--check] [--only OP] [--json FILE]: checks every version of every op; without --check also times them.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>

#include "cuda/lab/lab.h"

namespace vlprm::cuda {

namespace {

struct Entry {
  const char* op;
  void (*run)(Lab&);
};

const Entry OPS[] = {{"stepScore", lab::stepScore}, {"stepLoss", lab::stepLoss},     {"adamw", lab::adamw},
                     {"mcLabels", lab::mcLabels},   {"puctSelect", lab::puctSelect}, {"valueBackup", lab::valueBackup}};

constexpr size_t COPY_BYTES = size_t{1} << 30;

// Copies of this run: what the other rows are compared with.
void labCopy(Lab& lab) {
  if (!lab.timing()) return;
  LabArray<char> from(lab, COPY_BYTES), to(lab, COPY_BYTES);
  from.poison();
  lab.measure("copy", "device to device", "1 GiB", 2.0 * COPY_BYTES, 1, [&](int, cudaStream_t stream) {
    lab.did(cudaMemcpyAsync(to.get(), from.get(), COPY_BYTES, cudaMemcpyDeviceToDevice, stream), "copy");
  });
  constexpr size_t BUS_BYTES = size_t{256} << 20;
  void* pinned = nullptr;
  lab.did(cudaMallocHost(&pinned, BUS_BYTES), "page-locked memory");
  if (pinned == nullptr) return;
  memset(pinned, 0, BUS_BYTES);
  lab.measure("copy", "page-locked host to device", "256 MiB", BUS_BYTES, 1, [&](int, cudaStream_t stream) {
    lab.did(cudaMemcpyAsync(to.get(), pinned, BUS_BYTES, cudaMemcpyHostToDevice, stream), "copy");
  });
  lab.measure("copy", "device to page-locked host", "256 MiB", BUS_BYTES, 1, [&](int, cudaStream_t stream) {
    lab.did(cudaMemcpyAsync(pinned, from.get(), BUS_BYTES, cudaMemcpyDeviceToHost, stream), "copy");
  });
  cudaFreeHost(pinned);
}

void report(const Lab& lab, FILE* json) {
  double copy = NAN;
  for (const LabRow& row : lab.rows()) {
    if (row.op == "copy" && row.version == "device to device") copy = row.bytes / row.microseconds;
  }
  if (json != nullptr) fprintf(json, "{\n  \"schema\": \"vlprm.lab/1\",\n  \"rows\": [");
  const char* separator = "\n";
  for (const LabRow& row : lab.rows()) {
    const double rate = row.bytes / row.microseconds;  // MB/s
    printf("%-12s %-32s %-24s %12.2f us %10.1f GB/s %6.1f%% of copy\n", row.op.c_str(), row.version.c_str(), row.shape.c_str(), row.microseconds,
           rate / 1e3, 100 * rate / copy);
    if (json == nullptr) continue;
    fprintf(json,
            "%s    { \"op\": \"%s\", \"version\": \"%s\", \"shape\": \"%s\", \"bytes\": %.0f, \"microseconds\": %.3f, \"spread\": %.3f, "
            "\"gigabytesPerSecond\": %.1f, \"shareOfCopy\": %.4f }",
            separator, row.op.c_str(), row.version.c_str(), row.shape.c_str(), row.bytes, row.microseconds, row.spread, rate / 1e3, rate / copy);
    separator = ",\n";
  }
  if (json != nullptr) fprintf(json, "\n  ]\n}\n");
}

}  // namespace

int runLab(bool timing, const char* only, const char* jsonPath) {
  int devices = 0;
  const cudaError_t counted = cudaGetDeviceCount(&devices);
  if (counted != cudaSuccess || devices == 0) {
    fprintf(stderr, "no usable CUDA device: %s\n", cudaGetErrorName(counted));
    return 2;
  }
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, 0) == cudaSuccess) printf("device: %s\n", properties.name);
  Lab lab(timing, only);
  labCopy(lab);
  for (const Entry& entry : OPS) {
    if (lab.wants(entry.op)) entry.run(lab);
  }
  printf("%d checks, %d failed\n", lab.checks(), lab.failures());
  FILE* json = jsonPath == nullptr ? nullptr : fopen(jsonPath, "w");
  if (jsonPath != nullptr && json == nullptr) perror(jsonPath);
  report(lab, json);
  if (json != nullptr) fclose(json);
  return lab.failures() == 0 && lab.checks() > 1 && (jsonPath == nullptr || json != nullptr) ? 0 : 1;
}

}  // namespace vlprm::cuda

int main(int argc, char** argv) {
  bool timing = true;
  const char* only = "";
  const char* json = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--check") == 0) {
      timing = false;
    } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
      only = argv[++i];
    } else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      json = argv[++i];
    } else {
      fprintf(stderr, "usage: vlprm_lab [--check] [--only OP] [--json FILE]\n");
      return 64;
    }
  }
  return vlprm::cuda::runLab(timing, only, json);
}
