#include <math.h>
#include <string.h>

#include "cpu/kernels.h"
#include "ops/wilson.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace {

using namespace vlprm::cpu;

// --- counts of a block of steps ----------------------------------------------------------------------------------------

constexpr int64_t BLOCK = 1024;  // steps whose counts stay in the first cache until they are written out

struct Counts {
  alignas(64) int32_t correct[BLOCK];
  alignas(64) int32_t unparsable[BLOCK];
  alignas(64) int32_t failed[BLOCK];
  alignas(64) int32_t total[BLOCK];
};

constexpr uint64_t ONES = 0x0101010101010101u;

// How many of eight bytes that are 0 or 1 are 1.
#ifdef __POPCNT__
inline int32_t countBytes(uint64_t bytes) { return static_cast<int32_t>(__builtin_popcountll(bytes)); }
#else
inline int32_t countBytes(uint64_t bytes) { return static_cast<int32_t>((bytes * ONES) >> 56); }
#endif

struct StepCounts {
  int32_t correct;
  int32_t unparsable;
  int32_t failed;
};

// Eight outcomes at once: bit 0 is set in 1 and 3, bit 1 in 2 and 3. Gathers every bit that is seen.
inline void addWord(uint64_t word, StepCounts& counts, uint64_t& seen) {
  const uint64_t low = word & ONES;
  const uint64_t high = (word >> 1) & ONES;
  seen |= word;
  counts.correct += countBytes(low & ~high);
  counts.unparsable += countBytes(high & ~low);
  counts.failed += countBytes(low & high);
}

// Little-endian words only; big-endian machines take the js backend (cmake/CpuKernels.cmake).
inline uint64_t loadWord(const uint8_t* from) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  return word;
}

// The first `count` of up to seven bytes; `readable` lie behind `from`. Zeros are added, which count as nothing.
inline uint64_t loadPartialWord(const uint8_t* from, int64_t count, int64_t readable) {
  if (readable >= 8) return loadWord(from) & ((uint64_t{1} << (8 * count)) - 1);
  uint64_t word = 0;
  for (int64_t i = 0; i < count; ++i) word |= static_cast<uint64_t>(from[i]) << (8 * i);
  return word;
}

// FIRST_BYTES[8 + n]: all bits of the first n bytes of a word; none for n below 0.
constexpr uint64_t ALL = ~uint64_t{0};
constexpr uint64_t FIRST_BYTES[25] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff,
                                      0xffffffffffffff, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL};

// Most steps have up to 16 rollouts, and lengths that no processor foresees: these are counted without a branch.
inline StepCounts countOutcomes(const uint8_t* from, int64_t count, int64_t readable, uint64_t& seen) {
  StepCounts counts = {0, 0, 0};
  int64_t i = 0;
  if (readable >= 16) {
    const uint64_t* masks = FIRST_BYTES + (count < 16 ? count : 16);
    addWord(loadWord(from) & masks[8], counts, seen);
    addWord(loadWord(from + 8) & masks[0], counts, seen);
    i = 16;
  }
  for (; i + 8 <= count; i += 8) addWord(loadWord(from + i), counts, seen);
  if (i < count) addWord(loadPartialWord(from + i, count - i, readable - i), counts, seen);
  return counts;
}

// Whether each of the steps has `length` rollouts.
inline bool haveLength(const int32_t* offsets, int64_t count, int32_t length) {
  int32_t differences = 0;
  for (int64_t k = 0; k < count; ++k) differences |= (offsets[k + 1] - offsets[k]) ^ length;
  return differences == 0;
}

#ifdef __AVX2__

// Sums of the bytes of each of four words.
inline __m128i sumWords(__m256i bytes) {
  const __m256i sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(sums, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6)));
}

// Steps of eight rollouts, four at once. Returns how many steps were counted.
inline int64_t countEights(const uint8_t* from, int64_t count, Counts& counts, uint64_t& seen) {
  const __m256i ones = _mm256_set1_epi8(1);
  __m256i every = _mm256_setzero_si256();
  int64_t k = 0;
  for (; k + 4 <= count; k += 4) {
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 8 * k));
    const __m256i low = _mm256_and_si256(words, ones);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi64(words, 1), ones);
    every = _mm256_or_si256(every, words);
    _mm_store_si128(reinterpret_cast<__m128i*>(counts.correct + k), sumWords(_mm256_andnot_si256(high, low)));
    _mm_store_si128(reinterpret_cast<__m128i*>(counts.unparsable + k), sumWords(_mm256_andnot_si256(low, high)));
    _mm_store_si128(reinterpret_cast<__m128i*>(counts.failed + k), sumWords(_mm256_and_si256(low, high)));
  }
  if (_mm256_testz_si256(every, _mm256_set1_epi8(~3)) == 0) seen |= 4;
  return k;
}

#else

inline int64_t countEights(const uint8_t*, int64_t, Counts&, uint64_t&) { return 0; }

#endif

// Returns whether all outcomes were valid.
bool countGrouped(const VlprmMcLabels& op, int64_t begin, int64_t count, Counts& counts) {
  const int32_t* offsets = op.offsets + begin;
  uint64_t seen = 0;
  int64_t k = haveLength(offsets, count, 8) ? countEights(op.outcomes + offsets[0], count, counts, seen) : 0;
  for (; k < count; ++k) {
    const StepCounts step = countOutcomes(op.outcomes + offsets[k], offsets[k + 1] - offsets[k], op.rollouts - offsets[k], seen);
    counts.correct[k] = step.correct;
    counts.unparsable[k] = step.unparsable;
    counts.failed[k] = step.failed;
  }
  for (k = 0; k < count; ++k) counts.total[k] = offsets[k + 1] - offsets[k];
  return (seen & ~(3 * ONES)) == 0;
}

int64_t firstInvalid(const VlprmMcLabels& op, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    if (op.outcomes[i] > 3) return i;
  }
  return -1;
}

// Set bits of [begin, end) in `bits`, of which `bytes` can be read.
int32_t countBits(const uint8_t* bits, int64_t bytes, int64_t begin, int64_t end) {
  int32_t sum = 0;
  while (begin < end) {
    const int64_t byte = begin / 8;
    const int64_t shift = begin % 8;
    const int64_t count = end - begin < 56 ? end - begin : 56;
    const uint64_t word = bytes - byte >= 8 ? loadWord(bits + byte) : loadPartialWord(bits + byte, bytes - byte, 0);
    sum += static_cast<int32_t>(__builtin_popcountll(word >> shift & ((uint64_t{1} << count) - 1)));
    begin += count;
  }
  return sum;
}

void countPacked(const VlprmMcLabels& op, int64_t begin, int64_t count, Counts& counts) {
  const int32_t* offsets = op.offsets + begin;
  const int64_t bytes = (op.rollouts + 7) / 8;
  for (int64_t k = 0; k < count; ++k) {
    counts.correct[k] = countBits(op.outcomes, bytes, offsets[k], offsets[k + 1]);
    counts.unparsable[k] = 0;
    counts.failed[k] = 0;
    counts.total[k] = offsets[k + 1] - offsets[k];
  }
}

void takeCounters(const int32_t* counters, int64_t count, Counts& counts) {
  for (int64_t k = 0; k < count; ++k) {
    const int32_t* of = counters + 4 * k;
    counts.correct[k] = of[1];
    counts.unparsable[k] = of[2];
    counts.failed[k] = of[3];
    counts.total[k] = of[0] + of[1] + of[2] + of[3];
  }
}

// --- outputs of a block ------------------------------------------------------------------------------------------------

typedef float Quad __attribute__((vector_size(16)));
typedef int32_t IntQuad __attribute__((vector_size(16)));
typedef int8_t ByteQuad __attribute__((vector_size(4)));

inline Quad loadEntry(const LabelEntry* entry) {
  Quad quad;
  memcpy(&quad, entry, sizeof quad);
  return quad;
}

template <class T, class Vector>
inline void store(T* to, Vector vector) {
  memcpy(to, &vector, sizeof vector);
}

// Four entries of four fields, written as four fields of four steps.
inline void writeEntries(const VlprmMcLabels& op, const LabelEntry* table, const int32_t* index, int64_t step) {
  const Quad a = loadEntry(table + index[0]);
  const Quad b = loadEntry(table + index[1]);
  const Quad c = loadEntry(table + index[2]);
  const Quad d = loadEntry(table + index[3]);
  const Quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Quad abHigh = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cdHigh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store(op.rate + step, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  store(op.lower + step, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  store(op.upper + step, __builtin_shufflevector(abHigh, cdHigh, 0, 1, 4, 5));
  const Quad labels = __builtin_shufflevector(abHigh, cdHigh, 2, 3, 6, 7);
  store(op.label + step, __builtin_convertvector((IntQuad)labels, ByteQuad));
}

void writeEntry(const VlprmMcLabels& op, const LabelEntry& entry, int64_t step) {
  op.rate[step] = entry.rate;
  op.lower[step] = entry.lower;
  op.upper[step] = entry.upper;
  op.label[step] = static_cast<int8_t>(entry.label);
}

LabelEntry largeEntry(const VlprmMcLabels& op, int64_t correct, int64_t completed) {
  const WilsonEnds ends = wilsonEnds(correct, completed, op.z);
  const double rate = static_cast<double>(correct) / static_cast<double>(completed);
  return {static_cast<float>(rate), ends.lower, ends.upper, stepLabel(correct, completed, op.numerator, op.denominator)};
}

void writeBlock(const VlprmMcLabels& op, const LabelEntry* table, int64_t begin, int64_t count, const Counts& counts) {
  alignas(64) int32_t index[BLOCK];
  int32_t largest = 0;
  for (int64_t k = 0; k < count; ++k) {
    const int32_t completed = counts.total[k] - counts.failed[k];
    largest = completed > largest ? completed : largest;
    index[k] = completed * VLPRM_INTERVAL_SIDE + counts.correct[k];
    op.incorrect[begin + k] = completed - counts.correct[k] - counts.unparsable[k];
  }
  memcpy(op.correct + begin, counts.correct, static_cast<size_t>(count) * sizeof(int32_t));
  memcpy(op.unparsable + begin, counts.unparsable, static_cast<size_t>(count) * sizeof(int32_t));
  memcpy(op.failed + begin, counts.failed, static_cast<size_t>(count) * sizeof(int32_t));
  int64_t k = 0;
  if (largest < VLPRM_INTERVAL_SIDE) {
    for (; k + 4 <= count; k += 4) writeEntries(op, table, index + k, begin + k);
  }
  for (; k < count; ++k) {
    const int32_t completed = counts.total[k] - counts.failed[k];
    writeEntry(op, completed < VLPRM_INTERVAL_SIDE ? table[index[k]] : largeEntry(op, counts.correct[k], completed), begin + k);
  }
}

int64_t blockEnd(int64_t begin, int64_t end) { return end - begin < BLOCK ? end - begin : BLOCK; }

int64_t labelSteps(const VlprmMcLabels& op, const LabelEntry* table, int64_t begin, int64_t end) {
  Counts counts;
  for (; begin < end; begin += BLOCK) {
    const int64_t count = blockEnd(begin, end);
    if (op.form == VLPRM_PACKED) {
      countPacked(op, begin, count, counts);
    } else if (!countGrouped(op, begin, count, counts)) {
      return firstInvalid(op, op.offsets[begin], op.offsets[begin + count]);
    }
    writeBlock(op, table, begin, count, counts);
  }
  return -1;
}

int64_t countKeyed(const VlprmMcLabels& op, int32_t* counters, int64_t begin, int64_t end) {
  uint8_t seen = 0;
  for (int64_t i = begin; i < end; ++i) {
    const uint8_t outcome = op.outcomes[i];
    seen |= outcome;
    ++counters[4 * static_cast<int64_t>(op.keys[i]) + (outcome & 3)];
  }
  return seen > 3 ? firstInvalid(op, begin, end) : -1;
}

void labelCounters(const VlprmMcLabels& op, const LabelEntry* table, const int32_t* counters, int64_t begin, int64_t end) {
  Counts counts;
  for (; begin < end; begin += BLOCK) {
    const int64_t count = blockEnd(begin, end);
    takeCounters(counters + 4 * begin, count, counts);
    writeBlock(op, table, begin, count, counts);
  }
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

extern const McLabelsKernels mcLabels;
const McLabelsKernels mcLabels = {labelSteps, countKeyed, labelCounters};

}  // namespace vlprm::cpu::VLPRM_ISA
