// What every .cu is written in: CUDA C++ as nvcc compiles it, or its emulation on the CPU (VLPRM_SIMT_EMULATION, csrc/cuda/emulation).
// Kernels and host code are ordinary CUDA but for two things that a host compiler cannot parse, and that have a name here:
//   kernel<<<grid, block, bytes, stream>>>(...)   launch({grid, block, bytes, stream}, kernel, ...)
//   extern __shared__ T name[]                    DYNAMIC_SHARED(T, name)
// Both compilers contract nothing: a fused multiply-add is one that the source writes, so the emulation computes the device's bits
// (functions of the math library apart).
#pragma once
#include "cuda/runtime.h"

#if defined(VLPRM_SIMT_EMULATION)
#define DYNAMIC_SHARED(T, name) T* const name = reinterpret_cast<T*>(::vlprm::simt::dynamicShared)
#else
#define DYNAMIC_SHARED(T, name)                 \
  extern __shared__ uint4 vlprmDynamicShared[]; \
  T* const name = reinterpret_cast<T*>(vlprmDynamicShared)
#endif

namespace vlprm::cuda {

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

// Index of the thread in a grid of one dimension, and how many there are.
__device__ __forceinline__ int64_t globalThread() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ __forceinline__ int64_t globalThreads() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

// Sum over `LANES` neighbouring lanes in a fixed order (a power of two up to 32); every lane of `mask` gets it.
template <int LANES = WARP, class T>
__device__ __forceinline__ T sumLanes(T value, unsigned mask = ALL_LANES) {
#pragma unroll
  for (int distance = LANES / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(mask, value, distance);
  return value;
}

// The bits of a bfloat16 and of an IEEE binary16.
struct Bf16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};

__host__ __device__ __forceinline__ float floatOf(unsigned bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
__host__ __device__ __forceinline__ unsigned bitsOf(float value) {
  unsigned bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

__host__ __device__ __forceinline__ float widen(float x) { return x; }
__host__ __device__ __forceinline__ float widen(Bf16 x) { return floatOf(static_cast<unsigned>(x.bits) << 16); }
__device__ __forceinline__ float widen(F16 x) {
#if defined(VLPRM_SIMT_EMULATION)
  const unsigned sign = (x.bits & 0x8000u) << 16;
  const unsigned exponent = x.bits >> 10 & 0x1f;
  const unsigned fraction = x.bits & 0x3ff;
  if (exponent == 0) return floatOf(sign | bitsOf(ldexpf(static_cast<float>(fraction), -24)));
  return floatOf(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13);
#else
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
#endif
}

// To the nearest, ties to even; NaN stays NaN.
__host__ __device__ __forceinline__ Bf16 toBf16(float x) {
  const unsigned bits = bitsOf(x);
  if (x != x) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// 16 bytes that are read once: past the first-level cache, as 128-byte sectors of the second.
__device__ __forceinline__ uint4 loadOnce(const uint4* address) {
#if defined(VLPRM_SIMT_EMULATION)
  return *address;
#else
  uint4 value;
  asm("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
      : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
      : "l"(address));
  return value;
#endif
}

}  // namespace vlprm::cuda
