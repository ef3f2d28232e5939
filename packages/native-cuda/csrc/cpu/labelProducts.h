// Products of one row with label rows. A row is read from its first byte to its last, as memory delivers it best; its elements go
// round 32 sums, in registers as wide as there are, and the sums are folded as a fixed tree. So the order of a row's sum depends
// on its width alone, and AVX2 and AVX-512 compute the same bits.
#pragma once
#include "cpu/wide.h"

namespace {

constexpr int64_t STRIPE = 32;  // elements that go to one sum each
constexpr int64_t PARTS = STRIPE / WIDE;

// The 32 sums as a tree: sum k and sum k + n / 2 of n are added, until one is left.
#if defined(__AVX512F__)
inline float fold(const Wide parts[PARTS]) {
  const Wide sums = parts[0] + parts[1];
  Lanes halves[2];
  memcpy(halves, &sums, sizeof halves);
  return sumLanes(halves[0] + halves[1]);
}
#elif defined(__AVX2__)
inline float fold(const Wide parts[PARTS]) { return sumLanes((parts[0] + parts[2]) + (parts[1] + parts[3])); }
#else
inline float fold(const Wide parts[PARTS]) {
  const Wide even = (parts[0] + parts[4]) + (parts[2] + parts[6]);
  const Wide odd = (parts[1] + parts[5]) + (parts[3] + parts[7]);
  const Wide sums = even + odd;
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}
#endif

// packed [roundUp(width, STRIPE)]. The last stripe, if it is not full, ends with the last element and so overlaps the one before;
// what that has counted weighs nothing.
inline void packLabel(const float* weights, int64_t width, float* packed) {
  for (int64_t begin = 0; begin < width; begin += STRIPE) {
    const int64_t from = begin + STRIPE <= width ? begin : width - STRIPE;
    for (int64_t k = 0; k < STRIPE; ++k) packed[begin + k] = from + k >= begin ? weights[from + k] : 0.0f;
  }
}

// All bits of the elements of the last stripe that no stripe before it has counted: a weight of zero would make NaN of an infinity.
struct StripeMask {
  WideBits parts[PARTS];

  explicit StripeMask(int64_t width) {
    uint32_t bits[STRIPE];
    for (int64_t k = 0; k < STRIPE; ++k) bits[k] = k >= STRIPE - width % STRIPE ? 0xffffffffu : 0u;
    memcpy(parts, bits, sizeof parts);
  }
};

// x of the last stripe, 0 where it was counted before.
inline Wide masked(Wide x, WideBits mask) {
  WideBits bits;
  memcpy(&bits, &x, sizeof bits);
  return asWide(bits & mask);
}

template <class Element>
inline void prefetchStripe(const Element* from) {
  constexpr int64_t PER_LINE = LINE / static_cast<int64_t>(sizeof(Element));
  for (int64_t k = 0; k < STRIPE; k += PER_LINE) __builtin_prefetch(from + k, 0, 3);
}

// One stripe of COUNT rows.
template <class Dtype, int COUNT>
struct Stripes {
  Wide x[COUNT][PARTS];

  explicit Stripes(const typename Dtype::Element* const rows[COUNT], int64_t at) {
    for (int64_t r = 0; r < COUNT; ++r) {
      for (int64_t k = 0; k < PARTS; ++k) x[r][k] = loadWide(Dtype{}, rows[r] + at + k * WIDE);
    }
  }

  void mask(const StripeMask& mask) {
    for (int64_t r = 0; r < COUNT; ++r) {
      for (int64_t k = 0; k < PARTS; ++k) x[r][k] = masked(x[r][k], mask.parts[k]);
    }
  }
};

template <class Dtype, int COUNT, int LABELS>
inline void addStripes(Wide sums[COUNT][LABELS][PARTS], const Stripes<Dtype, COUNT>& stripes, const float* packed, int64_t packedWidth) {
  for (int64_t j = 0; j < LABELS; ++j) {
    for (int64_t k = 0; k < PARTS; ++k) {
      const Wide weights = loadWide(F32{}, packed + j * packedWidth + k * WIDE);
      for (int64_t r = 0; r < COUNT; ++r) sums[r][j][k] += weights * stripes.x[r][k];
    }
  }
}

// products[r, j] = label j . rows[r] for COUNT rows and LABELS packed labels. Meanwhile the lines of `ahead`, rows wanted later, are
// asked for into the first cache, since the processor's own prefetching does not cross from one row to an unrelated one.
template <class Dtype, int COUNT, int LABELS, int AHEAD = COUNT>
inline void labelProducts(const float* packed, const typename Dtype::Element* const rows[COUNT], const typename Dtype::Element* const ahead[AHEAD],
                          int64_t width, const StripeMask& mask, float products[COUNT][LABELS]) {
  const int64_t packedWidth = roundUp(width, STRIPE);
  Wide sums[COUNT][LABELS][PARTS] = {};
  int64_t i = 0;
  for (; i + STRIPE <= width; i += STRIPE) {
    for (int64_t r = 0; r < AHEAD; ++r) prefetchStripe(ahead[r] + i);
    addStripes<Dtype, COUNT, LABELS>(sums, Stripes<Dtype, COUNT>(rows, i), packed + i, packedWidth);
  }
  if (i < width) {
    for (int64_t r = 0; r < AHEAD; ++r) {
      __builtin_prefetch(ahead[r] + i, 0, 3);
      __builtin_prefetch(ahead[r] + width - 1, 0, 3);
    }
    Stripes<Dtype, COUNT> last(rows, width - STRIPE);
    last.mask(mask);
    addStripes<Dtype, COUNT, LABELS>(sums, last, packed + i, packedWidth);
  }
  for (int64_t r = 0; r < COUNT; ++r) {
    for (int64_t j = 0; j < LABELS; ++j) products[r][j] = fold(sums[r][j]);
  }
}

}  // namespace
