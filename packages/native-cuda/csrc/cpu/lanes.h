// Sums over fixed lanes: element i goes to lane i mod 8, lanes are added as a fixed tree. The order depends on neither the
// instruction set nor the memory address nor the neighbours of a row.
#pragma once
#include <stdint.h>
#include <string.h>

namespace {

constexpr int LANES = 8;

// Eight floats; GCC and Clang lower the type to whatever registers there are.
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef uint32_t BitLanes __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef uint16_t HalfLanes __attribute__((vector_size(LANES * sizeof(uint16_t))));

inline Lanes broadcast(float x) { return Lanes{x, x, x, x, x, x, x, x}; }

inline Lanes asFloats(BitLanes bits) {
  Lanes lanes;
  memcpy(&lanes, &bits, sizeof lanes);
  return lanes;
}

struct F32 {
  typedef float Element;
  static Lanes load(const float* from) {
    Lanes lanes;
    memcpy(&lanes, from, sizeof lanes);
    return lanes;
  }
};

struct BF16 {
  typedef uint16_t Element;
  static Lanes load(const uint16_t* from) {
    HalfLanes halves;
    memcpy(&halves, from, sizeof halves);
    return asFloats(__builtin_convertvector(halves, BitLanes) << 16);
  }
};

// binary16: the exponent is rebased by a multiplication with 2^112, which also normalises subnormals; infinities and NaN
// would come out finite and get the full exponent back.
struct F16 {
  typedef uint16_t Element;
  static Lanes load(const uint16_t* from) {
    HalfLanes halves;
    memcpy(&halves, from, sizeof halves);
    const BitLanes bits = __builtin_convertvector(halves, BitLanes);
    const BitLanes magnitude = bits & 0x7fff;
    const Lanes scaled = asFloats(magnitude << 13) * 0x1p112f;
    BitLanes result;
    memcpy(&result, &scaled, sizeof result);
    const BitLanes special = (BitLanes)(magnitude >= 0x7c00);
    return asFloats(result | (special & 0x7f800000) | ((bits & 0x8000) << 16));
  }
};

inline float sumLanes(Lanes lanes) {
  const float a = lanes[0] + lanes[4];
  const float b = lanes[1] + lanes[5];
  const float c = lanes[2] + lanes[6];
  const float d = lanes[3] + lanes[7];
  return (a + c) + (b + d);
}

// The last `count` < LANES elements, zeros behind them.
template <class Dtype>
inline Lanes loadPart(const typename Dtype::Element* from, int64_t count) {
  typename Dtype::Element padded[LANES] = {};
  for (int64_t i = 0; i < count; ++i) padded[i] = from[i];
  return Dtype::load(padded);
}

constexpr int ROWS = 4;

// products[r] = weights . rows[r] for four rows at once: one load of the weights serves four multiplications.
template <class Dtype>
inline void fourProducts(const float* weights, const typename Dtype::Element* const rows[ROWS], int64_t width, float products[ROWS]) {
  Lanes sums[ROWS] = {};
  int64_t i = 0;
  for (; i + LANES <= width; i += LANES) {
    const Lanes w = F32::load(weights + i);
    for (int r = 0; r < ROWS; ++r) sums[r] += w * Dtype::load(rows[r] + i);
  }
  if (i < width) {
    const Lanes w = loadPart<F32>(weights + i, width - i);
    for (int r = 0; r < ROWS; ++r) sums[r] += w * loadPart<Dtype>(rows[r] + i, width - i);
  }
  for (int r = 0; r < ROWS; ++r) products[r] = sumLanes(sums[r]);
}

}  // namespace
