#include "cuda/lab/lab.h"

#include <math.h>
#include <stdio.h>

#include <algorithm>

namespace vlprm::cuda {

namespace {

constexpr int REPLAYS = 25;
constexpr double CACHE_BYTES = 256e6;  // more than the second-level cache of any device

}  // namespace

Lab::Lab(bool timing, std::string only) : timing_(timing), only_(std::move(only)) {
  did(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
}

void Lab::expect(bool holds, const std::string& what) {
  ++checks_;
  if (holds) return;
  if (++failures_ <= 20) printf("  FAILED %s\n", what.c_str());
}

int Lab::setsFor(double bytes) { return static_cast<int>(std::max(1.0, std::min(256.0, ceil(CACHE_BYTES / bytes)))); }

void Lab::measure(const std::string& op, const std::string& version, const std::string& shape, double bytes, int sets,
                  const std::function<void(int set, cudaStream_t stream)>& run) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  did(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capture");
  for (int set = 0; set < sets; ++set) run(set, stream_);
  did(cudaStreamEndCapture(stream_, &graph), op + " " + version);
  did(cudaGraphInstantiate(&executable, graph, 0), op + " " + version);
  if (failures_ > 0) return;
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  did(cudaEventCreateWithFlags(&begin, cudaEventDefault), "event");
  did(cudaEventCreateWithFlags(&end, cudaEventDefault), "event");
  std::vector<double> times;
  for (int replay = -3; replay < REPLAYS; ++replay) {
    did(cudaEventRecord(begin, stream_), "event");
    did(cudaGraphLaunch(executable, stream_), op + " " + version);
    did(cudaEventRecord(end, stream_), "event");
    did(cudaStreamSynchronize(stream_), op + " " + version);
    float milliseconds = 0;
    did(cudaEventElapsedTime(&milliseconds, begin, end), "event");
    if (replay >= 0) times.push_back(1e3 * static_cast<double>(milliseconds) / sets);
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  rows_.push_back({op, version, shape, bytes, median, (times.back() - times.front()) / median});
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

}  // namespace vlprm::cuda
