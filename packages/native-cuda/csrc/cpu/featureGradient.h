// Writing rows of the feature gradient, in f32 or bf16.
#pragma once
#include "cpu/lanes.h"

namespace {

// Bits of the nearest bf16, ties to even; NaN stays NaN.
inline BitLanes narrowed(Lanes values) {
  BitLanes bits;
  memcpy(&bits, &values, sizeof bits);
  const BitLanes rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const BitLanes number = (BitLanes)(values == values);
  return (rounded & number) | (((bits >> 16) | 0x40) & ~number);
}

// Up to LANES elements of a row that begins at element `at`.
inline void storeGradient(void* gradient, int32_t dtype, int64_t at, Lanes values, int64_t count = LANES) {
  if (dtype == VLPRM_F32) {
    memcpy(static_cast<float*>(gradient) + at, &values, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  typedef uint16_t Halves __attribute__((vector_size(LANES * sizeof(uint16_t))));
  const Halves halves = __builtin_convertvector(narrowed(values), Halves);
  memcpy(static_cast<uint16_t*>(gradient) + at, &halves, static_cast<size_t>(count) * sizeof(uint16_t));
}

inline void storeGradient(void* gradient, int32_t dtype, int64_t at, Span values, int64_t count) {
  if (count >= SPAN) {
    storeGradient(gradient, dtype, at, values.first);
    storeGradient(gradient, dtype, at + LANES, values.second);
    return;
  }
  storeGradient(gradient, dtype, at, values.first, count < LANES ? count : LANES);
  if (count > LANES) storeGradient(gradient, dtype, at + LANES, values.second, count - LANES);
}

// The first `count` elements behind `from`, zeros after them.
inline Span loadPart(const float* from, int64_t count) {
  if (count >= SPAN) return F32::load(from);
  float padded[SPAN] = {};
  memcpy(padded, from, static_cast<size_t>(count) * sizeof(float));
  return F32::load(padded);
}

}  // namespace
