// Elements in registers as wide as there are.
#pragma once
#include "cpu/lanes.h"

namespace {

#if defined(__AVX512F__)
constexpr int64_t WIDE = 16;
#elif defined(__AVX2__)
constexpr int64_t WIDE = 8;
#else
constexpr int64_t WIDE = 4;
#endif
typedef float Wide __attribute__((vector_size(WIDE * sizeof(float))));
typedef uint32_t WideBits __attribute__((vector_size(WIDE * sizeof(uint32_t))));
typedef uint16_t WideHalves __attribute__((vector_size(WIDE * sizeof(uint16_t))));

inline WideBits wideBits(const uint16_t* from) {
  WideHalves halves;
  memcpy(&halves, from, sizeof halves);
  return __builtin_convertvector(halves, WideBits);
}

inline Wide asWide(WideBits bits) {
  Wide values;
  memcpy(&values, &bits, sizeof values);
  return values;
}

inline Wide loadWide(F32, const float* from) {
  Wide values;
  memcpy(&values, from, sizeof values);
  return values;
}

// GCC widens in two halves, unless it is told.
#if defined(__AVX512F__)
inline Wide loadWide(BF16, const uint16_t* from) {
  const __m512i words = _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  return (Wide)_mm512_maskz_slli_epi32(0xffff, words, 16);
}
#elif defined(__AVX2__)
inline Wide loadWide(BF16, const uint16_t* from) {
  const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  return (Wide)_mm256_slli_epi32(words, 16);
}
#else
inline Wide loadWide(BF16, const uint16_t* from) { return asWide(wideBits(from) << 16); }
#endif

#if defined(__AVX512F__)
inline Wide loadWide(F16, const uint16_t* from) {
  return (Wide)_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
#elif defined(__F16C__)
inline Wide loadWide(F16, const uint16_t* from) { return (Wide)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))); }
#else
// The exponent is rebased by a multiplication with 2^112, which also normalises subnormals; infinities and NaN would come out
// finite and get the full exponent back.
inline Wide loadWide(F16, const uint16_t* from) {
  const WideBits halves = wideBits(from);
  const WideBits magnitude = halves & 0x7fff;
  const Wide scaled = asWide(magnitude << 13) * 0x1p112f;
  WideBits result;
  memcpy(&result, &scaled, sizeof result);
  const WideBits special = (WideBits)(magnitude > 0x7bff);
  return asWide(result | (special & 0x7f800000) | ((halves & 0x8000) << 16));
}
#endif

inline Wide broadcastWide(float x) { return x - Wide{}; }

}  // namespace
