// The device side of CUDA C++ for a host compiler: a kernel is a function, a thread is a fiber, a block runs after the other.
//
// Within a block, each warp runs until all of its threads wait or have ended; odd launches go through blocks, warps and lanes backwards,
// so that code which counts on an order fails. A kernel whose threads can never go on aborts the process and says who waits where.
// Not emulated: waiting for another block, memory models, textures, cooperative groups.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __shared__ static  // one block runs at a time

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
typedef dim3 uint3;

struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };

// Of the thread that runs.
extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;

namespace vlprm::simt {

constexpr unsigned WARP_LANES = 32;

enum class Wait { NONE, BARRIER, WARP, SHUFFLE, BALLOT };

extern char* dynamicShared;

// Lane of the thread that runs.
unsigned lane();
void barrier();
// Waits until the lanes of `mask` have called the same; `source` is the lane that a shuffle reads. Returns the ballot or what was read.
uint64_t collective(Wait wait, unsigned mask, uint64_t value, unsigned source);

template <class T>
T shuffle(unsigned mask, T value, unsigned source) {
  static_assert(sizeof(T) <= sizeof(uint64_t), "shuffles move up to 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  bits = collective(Wait::SHUFFLE, mask, bits, source);
  memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace vlprm::simt

inline void __syncthreads() { ::vlprm::simt::barrier(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { ::vlprm::simt::collective(::vlprm::simt::Wait::WARP, mask, 0, 0); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return static_cast<unsigned>(::vlprm::simt::collective(::vlprm::simt::Wait::BALLOT, mask, predicate != 0, 0));
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

// Segments of `width` lanes; a source outside the segment means the lane itself.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const unsigned lane = ::vlprm::simt::lane();
  return ::vlprm::simt::shuffle(mask, value, (lane & ~(width - 1u)) | (static_cast<unsigned>(source) & (width - 1u)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance, int width = 32) {
  const unsigned lane = ::vlprm::simt::lane();
  const unsigned source = lane ^ static_cast<unsigned>(distance);
  return ::vlprm::simt::shuffle(mask, value, source <= (lane | (width - 1u)) ? source : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const unsigned lane = ::vlprm::simt::lane();
  return ::vlprm::simt::shuffle(mask, value, lane + distance <= (lane | (width - 1u)) ? lane + distance : lane);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const unsigned lane = ::vlprm::simt::lane();
  return ::vlprm::simt::shuffle(mask, value, (lane & (width - 1u)) >= distance ? lane - distance : lane);
}

// Blocks and threads take turns, so a plain read and write is atomic.
template <class T, class U>
T atomicAdd(T* address, U value) {
  const T old = *address;
  *address = static_cast<T>(old + static_cast<T>(value));
  return old;
}
template <class T, class U>
T atomicMax(T* address, U value) {
  const T old = *address;
  if (static_cast<T>(value) > old) *address = static_cast<T>(value);
  return old;
}
template <class T, class U>
T atomicMin(T* address, U value) {
  const T old = *address;
  if (static_cast<T>(value) < old) *address = static_cast<T>(value);
  return old;
}
template <class T, class U>
T atomicOr(T* address, U value) {
  const T old = *address;
  *address = old | static_cast<T>(value);
  return old;
}
template <class T, class U>
T atomicExch(T* address, U value) {
  const T old = *address;
  *address = static_cast<T>(value);
  return old;
}
template <class T, class U, class V>
T atomicCAS(T* address, U compare, V value) {
  const T old = *address;
  if (old == static_cast<T>(compare)) *address = static_cast<T>(value);
  return old;
}

template <class T>
T __ldg(const T* address) {
  return *address;
}

inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __dsqrt_rn(double x) { return sqrt(x); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline double __longlong_as_double(long long bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
inline long long __double_as_longlong(double value) {
  long long bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }

template <class T>
T min(T x, T y) {
  return y < x ? y : x;
}
template <class T>
T max(T x, T y) {
  return x < y ? y : x;
}
