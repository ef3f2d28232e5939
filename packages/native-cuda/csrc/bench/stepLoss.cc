#include <cstdlib>

#include "bench/bench.h"
#include "bench/pool.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

namespace {

struct Shape {
  int64_t width;
  int64_t rows;
  int64_t hiddenSize;
  bool featureGradient;
};

std::string nameOf(const Shape& shape) {
  return "stepLoss bf16 " + std::to_string(shape.rows) + "x" + std::to_string(shape.width) +
         (shape.hiddenSize > 0 ? " head " + std::to_string(shape.hiddenSize) : "") + (shape.featureGradient ? " with feature gradient" : "");
}

// Soft targets; a fifth of the rows is masked.
void measure(Report& report, const Shape& shape) {
  if (!report.wants(nameOf(shape))) return;
  const auto rows = static_cast<size_t>(shape.rows);
  std::vector<uint16_t> pattern;
  for (const float value : normals(8191, 1, 1)) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    pattern.push_back(static_cast<uint16_t>(bits >> 16));
  }
  Pool<uint16_t> features(shape.rows * shape.width, pattern);
  std::vector<uint16_t> featureGradient(shape.featureGradient ? rows * static_cast<size_t>(shape.width) : 0);
  const int64_t parameters = shape.hiddenSize == 0 ? shape.width + 1 : shape.hiddenSize * (shape.width + 2) + 1;
  const std::vector<float> head = normals(static_cast<size_t>(parameters), 0.02f, 2);
  std::vector<float> gradient(head.size());
  std::vector<double> targets, weights;
  for (size_t i = 0; i < rows; ++i) {
    targets.push_back(static_cast<double>(i % 8) / 8);
    weights.push_back(i % 5 == 0 ? 0 : 1);
  }
  VlprmStepLoss op = {};
  op.targets = targets.data();
  op.weights = weights.data();
  op.head = head.data();
  op.width = shape.width;
  op.count = shape.rows;
  op.hiddenSize = shape.hiddenSize;
  for (const double weight : weights) op.weightSum += weight;
  op.dtype = VLPRM_BF16;
  op.loss = VLPRM_BCE;
  op.featureGradientDtype = VLPRM_BF16;
  op.gradient = gradient.data();
  op.featureGradient = shape.featureGradient ? featureGradient.data() : nullptr;
  const int64_t rowBytes = shape.width * 2;
  const int64_t read = (shape.rows - (shape.rows + 4) / 5) * rowBytes;
  for (const int threads : threadCounts()) {
    const std::string on = ", " + threadsText(threads);
    // The unmasked rows are read; each row of the feature gradient is written.
    const Run floor = [&](int64_t sample) {
      const char* begin = reinterpret_cast<const char*>(features.window(sample));
      cpu::readFloor(begin, read, threads);
      char* into = reinterpret_cast<char*>(featureGradient.data());
      cpu::forEachRange(static_cast<int64_t>(featureGradient.size()) * 2, 1 << 20, threads, {},
                        [&](int, int64_t from, int64_t to) { std::memset(into + from, static_cast<int>(sample), static_cast<size_t>(to - from)); });
    };
    report.compare({nameOf(shape) + on, "cpu backend" + on, "cross-entropy of soft targets and its gradients; a fifth of the rows is masked",
                    static_cast<double>(read + static_cast<int64_t>(featureGradient.size()) * 2),
                    [&](int64_t sample) {
                      op.features = features.window(sample);
                      if (!cpu::stepLoss(op, {threads})) std::abort();
                    },
                    {{"read of the rows" + std::string(shape.featureGradient ? " and fill of the feature gradient" : "") + on, "floor", floor}}});
  }
}

}  // namespace

BENCH("stepLoss") {
  measure(report, {3584, 65'536, 0, false});
  measure(report, {3584, 65'536, 0, true});
  measure(report, {110, 16'384, 64, false});
}

}  // namespace vlprm::bench
