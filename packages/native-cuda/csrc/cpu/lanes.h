// Products over fixed lanes. Sixteen elements at a time go to two times eight lanes, and the lanes are added as a fixed tree, so
// the order of a row's sum depends on neither the instruction set nor the memory address nor the row's neighbours.
#pragma once
#include <stdint.h>
#include <string.h>

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace {

constexpr int LANES = 8;
constexpr int64_t SPAN = 2 * LANES;  // elements that one load takes
constexpr int ROWS = 4;              // rows that share one load of the weights
constexpr int64_t LINE = 64;         // bytes that one prefetch brings

// GCC and Clang lower these to whatever registers there are.
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef uint32_t BitLanes __attribute__((vector_size(LANES * sizeof(uint32_t))));

inline int64_t roundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

inline Lanes broadcast(float x) { return Lanes{x, x, x, x, x, x, x, x}; }

inline Lanes loadLanes(const float* from) {
  Lanes lanes;
  memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline Lanes asFloats(BitLanes bits) {
  Lanes lanes;
  memcpy(&lanes, &bits, sizeof lanes);
  return lanes;
}

inline BitLanes loadBits(const void* from) {
  BitLanes bits;
  memcpy(&bits, from, sizeof bits);
  return bits;
}

typedef int32_t IntLanes __attribute__((vector_size(LANES * sizeof(int32_t))));

// Lanes of `values` where the condition holds, 0 elsewhere.
inline Lanes where(IntLanes condition, Lanes values) {
  BitLanes bits;
  memcpy(&bits, &values, sizeof bits);
  return asFloats(bits & (BitLanes)condition);
}

// The rectifier's condition; NaN passes, so that it reaches the logit.
inline IntLanes isActive(Lanes activation) { return ~(activation <= 0.0f); }

typedef float HalfLanes __attribute__((vector_size(LANES / 2 * sizeof(float))));

inline float sumLanes(Lanes lanes) {
  HalfLanes low, high;
  memcpy(&low, &lanes, sizeof low);
  memcpy(&high, reinterpret_cast<const char*>(&lanes) + sizeof low, sizeof high);
  const HalfLanes sums = low + high;
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

struct Span {
  Lanes first;
  Lanes second;
};

struct F32 {
  typedef float Element;
  static constexpr bool PAIRED = false;
  static Span load(const float* from) { return {loadLanes(from), loadLanes(from + LANES)}; }
};

#ifdef __F16C__

// AVX2 and F16C widen eight halves as they load them.
struct BF16 {
  typedef uint16_t Element;
  static constexpr bool PAIRED = false;
  static Span load(const uint16_t* from) { return {widen(from), widen(from + LANES)}; }

 private:
  static Lanes widen(const uint16_t* from) {
    const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    return (Lanes)_mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
  }
};

struct F16 {
  typedef uint16_t Element;
  static constexpr bool PAIRED = false;
  static Span load(const uint16_t* from) { return {widen(from), widen(from + LANES)}; }

 private:
  static Lanes widen(const uint16_t* from) { return (Lanes)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))); }
};

#else

// Elsewhere 16-bit elements are taken in pairs, as 32-bit words: the even ones go to the first lanes, the odd ones to the second.
// That saves widening them one by one; the weights are packed in the same order.
struct BF16 {
  typedef uint16_t Element;
  static constexpr bool PAIRED = true;
  static Span load(const uint16_t* from) {
    const BitLanes pairs = loadBits(from);
    return {asFloats(pairs << 16), asFloats(pairs & 0xffff0000)};
  }
};

struct F16 {
  typedef uint16_t Element;
  static constexpr bool PAIRED = true;
  static Span load(const uint16_t* from) {
    const BitLanes pairs = loadBits(from);
    return {widen(pairs & 0xffff), widen(pairs >> 16)};
  }

 private:
  // The exponent is rebased by a multiplication with 2^112, which also normalises subnormals; infinities and NaN would come
  // out finite and get the full exponent back.
  static Lanes widen(BitLanes halves) {
    const BitLanes magnitude = halves & 0x7fff;
    const Lanes scaled = asFloats(magnitude << 13) * 0x1p112f;
    BitLanes result;
    memcpy(&result, &scaled, sizeof result);
    const BitLanes special = (BitLanes)(magnitude > 0x7bff);
    return asFloats(result | (special & 0x7f800000) | ((halves & 0x8000) << 16));
  }
};

#endif

// Element of a span that Dtype::load puts into lane k of the two.
template <class Dtype>
inline int64_t spanElement(int64_t k) {
  return Dtype::PAIRED ? k % LANES * 2 + k / LANES : k;
}

// packed [roundUp(width, SPAN)]: the weights in the order in which Dtype loads elements. The last span, if it is not full, ends
// with the last element and so overlaps the one before; what that has counted weighs nothing.
template <class Dtype>
inline void packWeights(const float* weights, int64_t width, float* packed) {
  for (int64_t begin = 0; begin < width; begin += SPAN) {
    const int64_t from = begin + SPAN <= width ? begin : width - SPAN;
    for (int64_t k = 0; k < SPAN; ++k) {
      const int64_t i = from + spanElement<Dtype>(k);
      packed[begin + k] = i >= begin && i < width ? weights[i] : 0.0f;
    }
  }
}

struct SpanMask {
  BitLanes first;
  BitLanes second;
};

// All bits of the elements of the last span that no span before it has counted: a weight of zero would make NaN of an infinity.
template <class Dtype>
inline SpanMask lastSpanMask(int64_t width) {
  constexpr int32_t STRIDE = Dtype::PAIRED ? 2 : 1;
  constexpr int32_t SECOND = Dtype::PAIRED ? 1 : LANES;
  const IntLanes first = IntLanes{0, 1, 2, 3, 4, 5, 6, 7} * STRIDE;
  const int32_t counted = static_cast<int32_t>(SPAN - width % SPAN);
  return {(BitLanes)(first >= counted), (BitLanes)(first + SECOND >= counted)};
}

inline Span masked(Span x, const SpanMask& mask) {
  BitLanes first, second;
  memcpy(&first, &x.first, sizeof first);
  memcpy(&second, &x.second, sizeof second);
  return {asFloats(first & mask.first), asFloats(second & mask.second)};
}

// The last span of a row that is not a whole number of spans wide. A row shorter than one span is copied behind zeros.
template <class Dtype>
inline Span loadLast(const typename Dtype::Element* row, int64_t width, const SpanMask& mask) {
  if (width >= SPAN) return masked(Dtype::load(row + width - SPAN), mask);
  typename Dtype::Element padded[SPAN] = {};
  memcpy(padded + SPAN - width, row, static_cast<size_t>(width) * sizeof padded[0]);
  return Dtype::load(padded);
}

// A row in f32, with zeros up to a whole number of spans.
template <class Dtype>
inline void widenRow(const typename Dtype::Element* row, int64_t width, float* into) {
  for (int64_t begin = 0; begin < width; begin += SPAN) {
    typename Dtype::Element padded[SPAN] = {};
    const bool whole = begin + SPAN <= width;
    if (!whole) memcpy(padded, row + begin, static_cast<size_t>(width - begin) * sizeof padded[0]);
    const Span span = Dtype::load(whole ? row + begin : padded);
    float values[SPAN];
    memcpy(values, &span, sizeof span);
    for (int64_t k = 0; k < SPAN; ++k) into[begin + spanElement<Dtype>(k)] = values[k];
  }
}

// products[r] = weights . rows[r] for COUNT rows at once. `ahead` are rows wanted next: their lines are asked for, into the first
// cache, while these are computed, since the processor's own prefetching does not cross from one row to an unrelated one.
template <class Dtype, int COUNT, int AHEAD>
inline void rowProducts(const float* packed, const typename Dtype::Element* const* rows, const typename Dtype::Element* const* ahead, int64_t width,
                        float* products) {
  constexpr int64_t PER_LINE = LINE / static_cast<int64_t>(sizeof(typename Dtype::Element));
  Lanes first[COUNT] = {};
  Lanes second[COUNT] = {};
  int64_t i = 0;
  for (; i + SPAN <= width; i += SPAN) {
    if (i % PER_LINE == 0) {
      for (int r = 0; r < AHEAD; ++r) __builtin_prefetch(ahead[r] + i, 0, 3);
    }
    const Span w = F32::load(packed + i);
    for (int r = 0; r < COUNT; ++r) {
      const Span x = Dtype::load(rows[r] + i);
      first[r] += w.first * x.first;
      second[r] += w.second * x.second;
    }
  }
  if (i < width) {
    const SpanMask mask = lastSpanMask<Dtype>(width);
    const Span w = F32::load(packed + i);
    for (int r = 0; r < COUNT; ++r) {
      const Span x = loadLast<Dtype>(rows[r], width, mask);
      first[r] += w.first * x.first;
      second[r] += w.second * x.second;
    }
  }
  for (int r = 0; r < COUNT; ++r) products[r] = sumLanes(first[r] + second[r]);
}

}  // namespace
