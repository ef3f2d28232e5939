// adamw: the norm and one step, from naive to the production kernels.
#include "cuda/lab/lab.h"

#include "cuda/adamw.cu"

namespace vlprm::cuda {

namespace {

// --- versions before the production kernels -----------------------------------------------------------------------------

// A thread per parameter, 4 bytes a load.
__global__ void updateOne(Step step, const float* gradient, int64_t size, float* parameters, float* firstMoment, float* secondMoment) {
  const int64_t i = globalThread();
  if (i < size) update(step, gradient[i], parameters[i], firstMoment[i], secondMoment[i]);
}

// --- one workload ---------------------------------------------------------------------------------------------------------

constexpr Step STEP = {0.9f, 0.999f, 0.1f, 0.001f, 1e-8f, 0.01f, 1.5f, 0.99f};

struct Model {
  Model(Lab& lab, int64_t size_)
      : size(size_),
        hostGradient(labNormals(3, static_cast<size_t>(size_), 1)),
        gradient(lab, hostGradient),
        parameters(lab, std::vector<float>(static_cast<size_t>(size_), 1.0f)),
        firstMoment(lab, std::vector<float>(static_cast<size_t>(size_), 0.5f)),
        secondMoment(lab, std::vector<float>(static_cast<size_t>(size_), 0.25f)),
        partials(lab, MOST_CHUNKS),
        clip(lab, std::vector<Clip>{{1, 1}}) {}

  int64_t size;
  std::vector<float> hostGradient;
  LabArray<float> gradient, parameters, firstMoment, secondMoment;
  LabArray<double> partials;
  LabArray<Clip> clip;

  cudaError_t updateEach(cudaStream_t stream) {
    return launch({blocksFor(size, BLOCK), BLOCK, 0, stream}, updateOne, STEP, gradient.get(), size, parameters.get(), firstMoment.get(), secondMoment.get());
  }
  cudaError_t updateFours(cudaStream_t stream) {
    const unsigned blocks = blocksFor(size, 4 * BLOCK);
    return launch({blocks < 1056 ? blocks : 1056, BLOCK, 0, stream}, updateParameters, STEP, clip.get(), gradient.get(), size, true, parameters.get(),
                  firstMoment.get(), secondMoment.get());
  }
  cudaError_t norm(cudaStream_t stream) {
    return launch({blocksFor(size, chunkOf(size)), BLOCK, 0, stream}, sumSquares, gradient.get(), size, chunkOf(size), partials.get());
  }

  void expectStep(Lab& lab, const std::string& version) {
    const std::vector<float> found = parameters.read();
    bool near = true;
    for (size_t i = 0; i < found.size(); ++i) {
      const double g = hostGradient[i];
      const double first = 0.9 * 0.5 + 0.1 * g;
      const double second = 0.999 * 0.25 + 0.001 * g * g;
      near = near && fabs(found[i] - (0.99 - 0.01 * first / (sqrt(second) * 1.5 + 1e-8))) <= 1e-6;
    }
    lab.expect(near, "adamw " + version + ": parameters differ");
  }
  void expectNorm(Lab& lab) {
    double expected = 0, found = 0;
    for (const float g : hostGradient) expected += static_cast<double>(g) * g;
    const std::vector<double> sums = partials.read();
    for (unsigned k = 0; k < blocksFor(size, chunkOf(size)); ++k) found += sums[k];
    lab.expect(fabs(found / expected - 1) <= 1e-12, "adamw norm differs");
  }
};

}  // namespace

void lab::adamw(Lab& lab) {
  for (const int64_t size : {1, 37, 9001}) {
    Model naive(lab, size), fast(lab, size);
    lab.did(naive.updateEach(lab.stream()), "adamw naive");
    naive.expectStep(lab, "thread per parameter");
    lab.did(fast.updateFours(lab.stream()), "adamw production");
    fast.expectStep(lab, "production");
    lab.did(fast.norm(lab.stream()), "adamw norm");
    fast.expectNorm(lab);
  }
  if (!lab.timing()) return;
  for (const int64_t size : {int64_t{1'000'000}, int64_t{100'000'000}}) {
    Model model(lab, size);
    const std::string shape = std::to_string(size);
    lab.measure("adamw", "thread per parameter", shape, 28.0 * size, 1, [&](int, cudaStream_t stream) { lab.did(model.updateEach(stream), "adamw"); });
    lab.measure("adamw", "production, 4 a thread", shape, 28.0 * size, 1, [&](int, cudaStream_t stream) { lab.did(model.updateFours(stream), "adamw"); });
    lab.measure("adamw", "production, norm", shape, 4.0 * size, 1, [&](int, cudaStream_t stream) { lab.did(model.norm(stream), "adamw"); });
  }
}

}  // namespace vlprm::cuda
