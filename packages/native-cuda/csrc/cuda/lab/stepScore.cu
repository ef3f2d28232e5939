// stepScore, k = 2: one product of a row with the difference of the label rows, from naive to the production kernel.
#include "cuda/lab/lab.h"

#include "cuda/stepScore.cu"

namespace vlprm::cuda {

namespace {

// --- versions before the production kernel ----------------------------------------------------------------------------

// A thread per row: neighbouring threads read addresses a row apart.
__global__ void threadPerRow(const Bf16* hidden, const float* weights, int64_t width, int64_t steps, float* logits) {
  const int64_t step = globalThread();
  if (step >= steps) return;
  float sum = 0;
  for (int64_t i = 0; i < width; ++i) sum = fmaf(weights[i], widen(hidden[step * width + i]), sum);
  logits[step] = sum;
}

// A warp per row: 64 neighbouring bytes a load.
__global__ void warpPerRow(const Bf16* hidden, const float* weights, int64_t width, int64_t steps, float* logits) {
  const int64_t step = globalThread() / WARP;
  if (step >= steps) return;
  float sum = 0;
  for (int64_t i = threadIdx.x % WARP; i < width; i += WARP) sum = fmaf(weights[i], widen(hidden[step * width + i]), sum);
  sum = sumLanes(sum);
  if (threadIdx.x % WARP == 0) logits[step] = sum;
}

// 512 neighbouring bytes a load, one load in flight; weights through the caches.
__global__ void warpPerRowVectors(const Bf16* hidden, const float* weights, int64_t width, int64_t steps, float* logits) {
  const int64_t step = globalThread() / WARP;
  if (step >= steps) return;
  const uint4* row = reinterpret_cast<const uint4*>(hidden + step * width);
  float sum = 0;
  for (int64_t v = threadIdx.x % WARP; v < width / ELEMENTS<Bf16>; v += WARP) {
    const uint4 vector = loadOnce(row + v);
    const float4* w = reinterpret_cast<const float4*>(weights) + 2 * v;
    sum = addProduct(w[1], quarter<Bf16>(vector, 1), addProduct(w[0], quarter<Bf16>(vector, 0), sum));
  }
  sum = sumLanes(sum);
  if (threadIdx.x % WARP == 0) logits[step] = sum;
}

// --- one workload -----------------------------------------------------------------------------------------------------

// `sets` batches of rows that repeat a few random ones; logits of all sets one after the other.
class Workload {
 public:
  Workload(Lab& lab, int64_t width, int64_t steps, int sets)
      : width(width),
        steps(steps),
        weights(labNormals(1, static_cast<size_t>(width), 1.5 / sqrt(static_cast<double>(width)))),
        hidden(lab, static_cast<size_t>(width * steps * sets)),
        deviceWeights(lab, weights),
        bias(lab, std::vector<double>{0.25}),
        packed(lab, pack()),
        logits(lab, static_cast<size_t>(steps * sets)),
        probabilities(lab, static_cast<size_t>(steps * sets)),
        logProbabilities(lab, static_cast<size_t>(2 * steps * sets)),
        arguments(lab, describe(sets)) {
    const std::vector<float> values = labNormals(2, static_cast<size_t>(DISTINCT * width), 1);
    for (const float value : values) distinct.push_back(toBf16(value));
    std::vector<Bf16> block;
    for (int64_t step = 0; step < steps; ++step) {
      const auto row = distinct.begin() + step % DISTINCT * width;
      block.insert(block.end(), row, row + width);
    }
    for (int set = 0; set < sets; ++set) hidden.write(block, static_cast<size_t>(set) * block.size());
  }

  double bytes() const { return static_cast<double>(steps) * (2.0 * static_cast<double>(width) + 16); }
  const Bf16* rowsOf(int set) const { return hidden.get() + set * steps * width; }
  float* logitsOf(int set) const { return logits.get() + set * steps; }
  const Arguments* argumentsOf(int set) const { return arguments.get() + set; }

  void expectLogits(Lab& lab, const std::string& version, double added) const {
    const std::vector<float> found = logits.read();
    double worst = 0;
    for (size_t step = 0; step < static_cast<size_t>(steps); ++step) {
      double sum = added;
      for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
        sum += static_cast<double>(weights[i]) * widen(distinct[step % DISTINCT * static_cast<size_t>(width) + i]);
      }
      const double error = fabs(found[step] - sum) / fmax(1, fabs(sum));
      worst = error <= worst ? worst : error;  // NaN counts as worst
    }
    lab.expect(worst <= 4e-6, "stepScore " + version + ": off by " + std::to_string(worst));
  }

  const int64_t width;
  const int64_t steps;
  const std::vector<float> weights;
  LabArray<Bf16> hidden;
  LabArray<float> deviceWeights;
  LabArray<double> bias;
  LabArray<float> packed;
  LabArray<float> logits;
  LabArray<float> probabilities;
  LabArray<float> logProbabilities;
  LabArray<Arguments> arguments;
  std::vector<Bf16> distinct;

  Layout layout() const {
    Layout layout = {};
    layout.vectors = width / ELEMENTS<Bf16>;
    layout.tiles = roundUp(layout.vectors, PARTS * WARP) / WARP;
    layout.perPass = 1;
    layout.passes = 1;
    layout.sharedBytes = layout.tiles * ELEMENTS<Bf16> * WARP * static_cast<int64_t>(sizeof(float));
    return layout;
  }

 private:
  static constexpr int64_t DISTINCT = 64;

  std::vector<float> pack() const {
    VlprmStepScore op = {};
    op.rows = weights.data();
    op.others = 1;
    op.width = width;
    std::vector<float> values(static_cast<size_t>(layout().sharedBytes) / sizeof(float));
    packWeights<Bf16>(op, layout(), 0, values.data());
    return values;
  }

  std::vector<Arguments> describe(int sets) const {
    std::vector<Arguments> all;
    for (int set = 0; set < sets; ++set) {
      Arguments a = {};
      a.hidden = reinterpret_cast<const char*>(rowsOf(set));
      a.rowBytes = width * static_cast<int64_t>(sizeof(Bf16));
      a.steps = a.allSteps = steps;
      a.vectors = layout().vectors;
      a.tiles = layout().tiles;
      a.weights = reinterpret_cast<const float4*>(packed.get());
      a.bias = bias.get();
      a.others = 1;
      a.temperature = 1;
      a.logit = logitsOf(set);
      a.probability = probabilities.get() + set * steps;
      a.logProbability = logProbabilities.get() + 2 * set * steps;
      all.push_back(a);
    }
    return all;
  }
};

struct Version {
  const char* name;
  double added;  // the naive versions leave the bias out
  std::function<cudaError_t(const Workload&, int set, cudaStream_t)> run;
};

template <class Kernel>
Version naive(const char* name, Kernel kernel, int64_t threadsPerRow) {
  return {name, 0, [=](const Workload& work, int set, cudaStream_t stream) {
            return launch({blocksFor(work.steps * threadsPerRow, BLOCK), BLOCK, 0, stream}, kernel, work.rowsOf(set), work.deviceWeights.get(), work.width,
                          work.steps, work.logitsOf(set));
          }};
}

template <class Kernel>
Version production(const char* name, Kernel kernel, int64_t rowsPerBlock, unsigned threads, unsigned most) {
  return {name, 0.25, [=](const Workload& work, int set, cudaStream_t stream) {
            const unsigned needed = blocksFor(work.steps, rowsPerBlock);
            const Grid grid = {needed < most ? needed : most, threads, static_cast<size_t>(work.layout().sharedBytes), stream};
            return launch(grid, kernel, work.argumentsOf(set));
          }};
}

std::vector<Version> versions(unsigned processors) {
  const unsigned most = BLOCKS_PER_PROCESSOR * processors;
  constexpr int64_t WARPS = BLOCK / WARP;
  return {
      naive("thread per row", threadPerRow, 1),
      naive("warp per row", warpPerRow, WARP),
      naive("warp per row, 16-byte loads", warpPerRowVectors, WARP),
      production("production, block per row", labelProductsSplit<Bf16, 1>, 1, PARTS * WARP, 2 * most),
      production("production, 1 row a warp", labelProducts<Bf16, 1, 1, true>, WARPS, BLOCK, most),
      production("production, 2 rows a warp", labelProducts<Bf16, 1, 2, true>, 2 * WARPS, BLOCK, most),
      production("4 rows a warp", labelProducts<Bf16, 1, 4, true>, 4 * WARPS, BLOCK, most),
      production("2 rows a warp, 8 blocks", labelProducts<Bf16, 1, 2, true>, 2 * WARPS, BLOCK, 2 * most),
  };
}

}  // namespace

void lab::stepScore(Lab& lab) {
  cudaDeviceProp properties;
  lab.did(cudaGetDeviceProperties(&properties, 0), "device properties");
  const std::vector<Version> all = versions(static_cast<unsigned>(properties.multiProcessorCount));
  for (const int64_t width : {8, 264, 3584}) {
    for (const int64_t steps : {1, 77}) {
      Workload work(lab, width, steps, 1);
      std::vector<std::vector<float>> production;
      for (const Version& version : all) {
        work.logits.poison();
        lab.did(version.run(work, 0, lab.stream()), version.name);
        work.expectLogits(lab, version.name, version.added);
        if (version.added != 0) production.push_back(work.logits.read());
      }
      for (const std::vector<float>& logits : production) lab.expect(logits == production.front(), "stepScore: versions differ in their bits");
    }
  }
  if (!lab.timing()) return;
  for (const int64_t steps : {256, 2500, 100000}) {
    for (const int64_t width : {2048, 3584, 8192}) {
      if (width != 3584 && steps != 100000) continue;
      const int sets = Lab::setsFor(static_cast<double>(2 * width * steps));
      const Workload work(lab, width, steps, sets);
      const std::string shape = "bf16 " + std::to_string(steps) + "x" + std::to_string(width);
      for (const Version& version : all) {
        lab.measure("stepScore", version.name, shape, work.bytes(), sets,
                    [&](int set, cudaStream_t stream) { lab.did(version.run(work, set, stream), version.name); });
      }
    }
  }
}

}  // namespace vlprm::cuda
