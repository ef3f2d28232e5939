// adamw on the device: sum of squares by chunks that depend on the size alone, the factor of clipping, then one pass over the parameters.
#include "cuda/call.h"
#include "cuda/simt.h"
#include "ops/adamw.h"

namespace vlprm::cuda {

namespace {

constexpr int BLOCK = 256;
constexpr int WARPS = BLOCK / WARP;
constexpr int64_t MOST_CHUNKS = 1024;
constexpr int64_t LEAST_CHUNK = 4096;

// Sum over the block in a fixed order, in thread 0.
__device__ double blockSum(double sum) {
  __shared__ double sums[WARPS];
  sum = sumLanes(sum);
  if (threadIdx.x % WARP == 0) sums[threadIdx.x / WARP] = sum;
  __syncthreads();
  for (int k = 1; threadIdx.x == 0 && k < WARPS; ++k) sum += sums[k];
  return sum;
}

__global__ void __launch_bounds__(BLOCK) sumSquares(const float* gradient, int64_t size, int64_t chunk, double* partials) {
  const int64_t begin = blockIdx.x * chunk;
  const int64_t end = min(begin + chunk, size);
  double sum = 0;
#pragma unroll 4
  for (int64_t i = begin + threadIdx.x; i < end; i += BLOCK) sum = fma(static_cast<double>(gradient[i]), static_cast<double>(gradient[i]), sum);
  sum = blockSum(sum);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

struct Clip {
  float factor;
  int32_t applied;
};

// One block.
__global__ void __launch_bounds__(BLOCK) clipFactor(const double* partials, int64_t chunks, double maxGradNorm, Clip* clip, int32_t* applied) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < chunks; i += BLOCK) sum += partials[i];
  sum = blockSum(sum);
  if (threadIdx.x != 0) return;
  const double norm = sqrt(sum);
  clip->factor = norm > maxGradNorm ? static_cast<float>(maxGradNorm / norm) : 1.0f;
  clip->applied = isfinite(norm) ? 1 : 0;
  *applied = clip->applied;
}

struct Step {
  float beta1;
  float beta2;
  float rest1;
  float rest2;
  float epsilon;
  float stepSize;
  float secondScale;
  float keep;
};

__device__ __forceinline__ void update(const Step& step, float g, float& parameter, float& first, float& second) {
  first = fmaf(step.beta1, first, step.rest1 * g);
  second = fmaf(step.beta2, second, step.rest2 * g * g);
  parameter = fmaf(step.keep, parameter, -(step.stepSize * first / fmaf(sqrtf(second), step.secondScale, step.epsilon)));
}

// Four parameters a thread and round; the last size % 4 one by one.
__global__ void __launch_bounds__(BLOCK) updateParameters(Step step, const Clip* clip, const float* gradient, int64_t size, bool aligned, float* parameters,
                                                          float* firstMoment, float* secondMoment) {
  if (clip->applied == 0) return;
  const float factor = clip->factor;
  const int64_t fours = aligned ? size / 4 : 0;
  for (int64_t i = globalThread(); i < fours; i += globalThreads()) {
    const float4 g = reinterpret_cast<const float4*>(gradient)[i];
    float4 p = reinterpret_cast<float4*>(parameters)[i];
    float4 m = reinterpret_cast<float4*>(firstMoment)[i];
    float4 v = reinterpret_cast<float4*>(secondMoment)[i];
    update(step, g.x * factor, p.x, m.x, v.x);
    update(step, g.y * factor, p.y, m.y, v.y);
    update(step, g.z * factor, p.z, m.z, v.z);
    update(step, g.w * factor, p.w, m.w, v.w);
    reinterpret_cast<float4*>(parameters)[i] = p;
    reinterpret_cast<float4*>(firstMoment)[i] = m;
    reinterpret_cast<float4*>(secondMoment)[i] = v;
  }
  for (int64_t i = 4 * fours + globalThread(); i < size; i += globalThreads()) {
    update(step, gradient[i] * factor, parameters[i], firstMoment[i], secondMoment[i]);
  }
}

// Of the sum of squares; depends on the size alone.
int64_t chunkOf(int64_t size) {
  const int64_t wanted = (size + MOST_CHUNKS - 1) / MOST_CHUNKS;
  return wanted > LEAST_CHUNK ? wanted : LEAST_CHUNK;
}

bool isAligned(const void* address) { return reinterpret_cast<uintptr_t>(address) % sizeof(float4) == 0; }

}  // namespace

int adamw(VlprmAdamW* op, char* error, size_t errorSize) {
  Call call(error, errorSize);
  const int64_t size = op->size;
  const float* gradient = call.in(op->gradient, size);
  float* parameters = call.inout(op->parameters, size);
  float* firstMoment = call.inout(op->firstMoment, size);
  float* secondMoment = call.inout(op->secondMoment, size);
  int32_t* applied = call.out(&op->applied, 1);
  const bool clips = op->maxGradNorm > 0;
  const int64_t chunk = chunkOf(size);
  const int64_t chunks = clips ? (size + chunk - 1) / chunk : 0;
  double* partials = call.scratch<double>(chunks);
  Clip* clip = call.scratch<Clip>(1);
  if (chunks > 0) call.launch("norm", {static_cast<unsigned>(chunks), BLOCK}, sumSquares, gradient, size, chunk, partials);
  call.launch("clip", {1, BLOCK}, clipFactor, partials, chunks, clips ? op->maxGradNorm : 1.0, clip, applied);
  const Step step = {static_cast<float>(op->beta1),        static_cast<float>(op->beta2),   static_cast<float>(1 - op->beta1),
                     static_cast<float>(1 - op->beta2),    static_cast<float>(op->epsilon), static_cast<float>(op->stepSize),
                     static_cast<float>(op->secondScale),  static_cast<float>(op->keep)};
  const bool aligned = isAligned(gradient) && isAligned(parameters) && isAligned(firstMoment) && isAligned(secondMoment);
  const int64_t most = int64_t{call.processors()} * 8;
  const int64_t blocks = blocksFor(size, 4 * BLOCK);
  call.launch("update", {static_cast<unsigned>(blocks < most ? blocks : most), BLOCK}, updateParameters, step, clip, gradient, size, aligned, parameters,
              firstMoment, secondMoment);
  return call.finish();
}

}  // namespace vlprm::cuda
