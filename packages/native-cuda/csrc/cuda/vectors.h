// Rows read as vectors of 16 bytes.
#pragma once
#include "cuda/simt.h"

namespace vlprm::cuda {

template <class T>
constexpr int VECTOR = static_cast<int>(sizeof(uint4) / sizeof(T));  // elements

template <class T>
struct Elements {
  T of[VECTOR<T>];
};

template <class T>
__device__ __forceinline__ Elements<T> elementsOf(const uint4& bits) {
  Elements<T> elements;
  memcpy(&elements, &bits, sizeof elements);
  return elements;
}

// Vector `index` of a row; `whole` when rows consist of aligned vectors, else elements beyond the row are 0.
template <class T>
__device__ __forceinline__ uint4 loadVector(const T* row, int64_t index, int64_t width, bool whole) {
  if (whole) return loadOnce(reinterpret_cast<const uint4*>(row) + index);
  Elements<T> elements = {};
#pragma unroll
  for (int e = 0; e < VECTOR<T>; ++e) {
    if (index * VECTOR<T> + e < width) elements.of[e] = row[index * VECTOR<T> + e];
  }
  uint4 bits;
  memcpy(&bits, &elements, sizeof bits);
  return bits;
}

template <class T>
inline bool wholeVectors(const T* rows, int64_t width) {
  return reinterpret_cast<uintptr_t>(rows) % sizeof(uint4) == 0 && width % VECTOR<T> == 0;
}

}  // namespace vlprm::cuda
