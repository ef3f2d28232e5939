// out(i, j) = sum over k of left(i, k) * right(k, j), in f32, for operands that are functions of their indices.
//
// A block computes 64 x 64 elements from tiles in shared memory, 4 x 4 a thread. Sums of SUM_LENGTH products keep f32 sums short; the
// order of an element's sum depends on the range of k alone. blockIdx.z takes the range [z * depth, (z + 1) * depth) of k.
#pragma once
#include "cuda/simt.h"

namespace vlprm::cuda {

constexpr int PRODUCT_BLOCK = 256;
constexpr int PRODUCT_SIDE = 64;

struct ProductShape {
  int64_t rows;
  int64_t columns;
  int64_t inner;  // range of k
  int64_t depth;  // of one blockIdx.z
};

template <class Left, class Right, class Out>
__global__ void __launch_bounds__(PRODUCT_BLOCK, 2) matrixProduct(ProductShape shape, Left left, Right right, Out out) {
  constexpr int DEPTH = 16;
  constexpr int SUM_LENGTH = 128;
  constexpr int EACH = 4;
  constexpr int THREADS = PRODUCT_SIDE / EACH;
  __shared__ float lefts[DEPTH][PRODUCT_SIDE + 1];
  __shared__ float rights[DEPTH][PRODUCT_SIDE + 1];
  const int64_t row = static_cast<int64_t>(blockIdx.y) * PRODUCT_SIDE;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * PRODUCT_SIDE;
  const int64_t begin = blockIdx.z * shape.depth;
  const int64_t end = min(begin + shape.depth, shape.inner);
  const int rowThread = threadIdx.x / THREADS * EACH;
  const int columnThread = threadIdx.x % THREADS;
  float totals[EACH][EACH] = {};
  float sums[EACH][EACH] = {};
  for (int64_t k = begin; k < end; k += DEPTH) {
    __syncthreads();
    for (int i = threadIdx.x; i < DEPTH * PRODUCT_SIDE; i += PRODUCT_BLOCK) {
      // Each operand is read along the index in which it is contiguous.
      const int leftK = Left::ALONG_INNER ? i % DEPTH : i / PRODUCT_SIDE;
      const int leftRow = Left::ALONG_INNER ? i / DEPTH : i % PRODUCT_SIDE;
      lefts[leftK][leftRow] = k + leftK < end && row + leftRow < shape.rows ? left(row + leftRow, k + leftK) : 0.0f;
      const int rightK = Right::ALONG_INNER ? i % DEPTH : i / PRODUCT_SIDE;
      const int rightColumn = Right::ALONG_INNER ? i / DEPTH : i % PRODUCT_SIDE;
      rights[rightK][rightColumn] = k + rightK < end && column + rightColumn < shape.columns ? right(k + rightK, column + rightColumn) : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int at = 0; at < DEPTH; ++at) {
#pragma unroll
      for (int i = 0; i < EACH; ++i) {
#pragma unroll
        for (int j = 0; j < EACH; ++j) sums[i][j] = fmaf(lefts[at][rowThread + i], rights[at][columnThread + j * THREADS], sums[i][j]);
      }
    }
    if ((k - begin + DEPTH) % SUM_LENGTH != 0 && k + DEPTH < end) continue;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
#pragma unroll
      for (int j = 0; j < EACH; ++j) {
        totals[i][j] += sums[i][j];
        sums[i][j] = 0;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < EACH; ++i) {
#pragma unroll
    for (int j = 0; j < EACH; ++j) {
      const int64_t atRow = row + rowThread + i;
      const int64_t atColumn = column + columnThread + j * THREADS;
      if (atRow < shape.rows && atColumn < shape.columns) out(atRow, atColumn, totals[i][j]);
    }
  }
}

inline dim3 productBlocks(const ProductShape& shape) {
  const auto blocks = [](int64_t items, int64_t each) { return static_cast<unsigned>((items + each - 1) / each); };
  return dim3(blocks(shape.columns, PRODUCT_SIDE), blocks(shape.rows, PRODUCT_SIDE), blocks(shape.inner, shape.depth));
}

}  // namespace vlprm::cuda
