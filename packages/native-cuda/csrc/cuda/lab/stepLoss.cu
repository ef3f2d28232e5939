// stepLoss of a linear head: cross-entropy and gradient, from naive to the production kernel.
#include "cuda/lab/lab.h"

#include "cuda/stepLoss.cu"

namespace vlprm::cuda {

namespace {

// --- versions before the production kernel ------------------------------------------------------------------------------

// A thread per column goes through all rows of its chunk: no vector loads.
template <class T>
__global__ void columnPerThread(Rows<T> rows, const float* weighted, float* partials) {
  const int64_t column = static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
  if (column > rows.width) return;
  const int64_t begin = blockIdx.x * rows.chunkRows;
  const int64_t end = min(begin + rows.chunkRows, rows.count);
  float sum = 0;
  for (int64_t i = begin; i < end; ++i) sum = fmaf(weighted[i], column == rows.width ? 1.0f : widen(rows.row(i)[column]), sum);
  partials[blockIdx.x * (rows.width + 1) + column] = sum;
}

// --- one workload ---------------------------------------------------------------------------------------------------------

constexpr double WEIGHT = 1;

// bf16 rows with soft targets.
class Minibatch {
 public:
  Minibatch(Lab& lab, int64_t count_, int64_t width_)
      : count(count_),
        width(width_),
        chunkRows((count_ / WANTED_CHUNKS + TILE) / TILE * TILE),
        chunks((count_ + chunkRows - 1) / chunkRows),
        hostHead(labNormals(2, static_cast<size_t>(width_ + 1), 0.02)),
        features(lab, rowBits()),
        head(lab, hostHead),
        targets(lab, std::vector<double>(static_cast<size_t>(count_), 0.75)),
        weights(lab, std::vector<double>(static_cast<size_t>(count_), WEIGHT)),
        numbers(lab, static_cast<size_t>(2 * count_ + chunks)),
        weighted(lab, static_cast<size_t>(count_)),
        partials(lab, static_cast<size_t>(chunks * (width_ + 1))),
        gradient(lab, static_cast<size_t>(width_ + 1)) {}

  double bytes() const { return 2.0 * static_cast<double>(count * width); }

  cudaError_t naive(cudaStream_t stream) { return inPasses(stream, false); }
  cudaError_t vectors(cudaStream_t stream) { return inPasses(stream, true); }
  cudaError_t production(cudaStream_t stream) {
    const size_t shared = static_cast<size_t>(vectorsOfRow()) * (2 * VECTOR<Bf16> * sizeof(float) + TILE * sizeof(uint4));
    const cudaError_t allowed = cudaFuncSetAttribute(linearLoss<Bf16>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    if (allowed != cudaSuccess) return allowed;
    const cudaError_t summed =
        launch({static_cast<unsigned>(chunks), BLOCK, shared, stream}, linearLoss<Bf16>, rows(), head.get(), vectorsOfRow(), terms(), partials.get());
    return summed == cudaSuccess ? reduce(stream) : summed;
  }

  void expectGradient(Lab& lab, const std::string& version) {
    std::vector<double> expected(static_cast<size_t>(width + 1));
    for (int64_t i = 0; i < count; ++i) {
      const float* row = &hostRows[static_cast<size_t>(i * width)];
      double logit = hostHead.back();
      for (int64_t k = 0; k < width; ++k) logit += static_cast<double>(hostHead[static_cast<size_t>(k)]) * row[k];
      const double slope = WEIGHT * (1 / (1 + exp(-logit)) - 0.75) / static_cast<double>(count);
      for (int64_t k = 0; k < width; ++k) expected[static_cast<size_t>(k)] += slope * row[k];
      expected.back() += slope;
    }
    const std::vector<float> found = gradient.read();
    double distance = 0, size = 0;
    for (size_t k = 0; k < expected.size(); ++k) {
      distance += (found[k] - expected[k]) * (found[k] - expected[k]);
      size += expected[k] * expected[k];
    }
    lab.expect(sqrt(distance / size) <= 1e-5, "stepLoss " + version + ": gradient differs");
  }

 private:
  int64_t vectorsOfRow() const { return (width + VECTOR<Bf16> - 1) / VECTOR<Bf16>; }
  Rows<Bf16> rows() const { return {features.get(), nullptr, width, count, chunkRows, wholeVectors(features.get(), width)}; }
  Terms terms() const {
    double* logits = numbers.get();
    return {targets.get(), weights.get(), nullptr, nullptr, 0, VLPRM_BCE, logits, nullptr, weighted.get(), logits + count, logits + 2 * count};
  }
  cudaError_t reduce(cudaStream_t stream) {
    return launch({blocksFor(width + 1, WARP), BLOCK, 0, stream}, reduceGradient, partials.get(), chunks, width + 1, 1 / (WEIGHT * static_cast<double>(count)),
                  gradient.get());
  }
  // Logits, slopes and gradient in kernels of their own: the rows are read twice.
  cudaError_t inPasses(cudaStream_t stream, bool inVectors) {
    const cudaError_t launched[] = {
        launch({blocksFor(count, WARPS), BLOCK, 0, stream}, linearLogits<Bf16>, rows(), head.get(), vectorsOfRow(), numbers.get()),
        launch({blocksFor(count, BLOCK), BLOCK, 0, stream}, rowSlopes, terms(), count),
        inVectors ? launch({dim3(static_cast<unsigned>(chunks), blocksFor(vectorsOfRow() + 1, BLOCK)), BLOCK, 0, stream}, weighRows<Bf16>, rows(),
                           vectorsOfRow(), weighted.get(), partials.get())
                  : launch({dim3(static_cast<unsigned>(chunks), blocksFor(width + 1, BLOCK)), BLOCK, 0, stream}, columnPerThread<Bf16>, rows(),
                           weighted.get(), partials.get()),
    };
    for (const cudaError_t status : launched) {
      if (status != cudaSuccess) return status;
    }
    return reduce(stream);
  }
  std::vector<Bf16> rowBits() {
    hostRows = labNormals(1, static_cast<size_t>(count * width), 1);
    std::vector<Bf16> bits;
    for (float& value : hostRows) {
      uint32_t wide;
      memcpy(&wide, &value, sizeof wide);
      wide &= 0xffff0000u;
      memcpy(&value, &wide, sizeof value);
      bits.push_back({static_cast<uint16_t>(wide >> 16)});
    }
    return bits;
  }

  const int64_t count;
  const int64_t width;
  const int64_t chunkRows;
  const int64_t chunks;
  std::vector<float> hostRows;
  std::vector<float> hostHead;
  LabArray<Bf16> features;
  LabArray<float> head;
  LabArray<double> targets, weights, numbers;
  LabArray<float> weighted, partials, gradient;
};

struct Version {
  const char* name;
  cudaError_t (Minibatch::*run)(cudaStream_t);
};

const Version VERSIONS[] = {
    {"rows read twice, a column a thread", &Minibatch::naive},
    {"rows read twice, 16-byte loads", &Minibatch::vectors},
    {"production, rows kept in shared", &Minibatch::production},
};

}  // namespace

void lab::stepLoss(Lab& lab) {
  for (const int64_t width : {8, 37, 200}) {
    for (const Version& version : VERSIONS) {
      Minibatch work(lab, 70, width);
      lab.did((work.*version.run)(lab.stream()), version.name);
      work.expectGradient(lab, version.name);
    }
  }
  if (!lab.timing()) return;
  Minibatch work(lab, 65'536, 3584);
  for (const Version& version : VERSIONS) {
    lab.measure("stepLoss", version.name, "65536x3584 bf16", work.bytes(), 1,
                [&](int, cudaStream_t stream) { lab.did((work.*version.run)(stream), version.name); });
  }
}

}  // namespace vlprm::cuda
