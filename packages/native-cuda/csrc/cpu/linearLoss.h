// The passes of stepLoss over a linear head: logits of rows, then their weighted sum, which is the gradient.
#pragma once
#include "cpu/featureGradient.h"
#include "cpu/lanes.h"
#include "cpu/lossRows.h"

namespace {

template <class Dtype>
class LinearLoss {
 public:
  // Rows read forth and back: few enough to stay in the first or second cache.
  static constexpr int64_t BLOCK_ROWS = 2 * ROWS;

  LinearLoss(const VlprmStepLoss& op, double* sums, Arena& arena)
      : op_(op), sums_(sums), packedWidth_(roundUp(op.width, SPAN)), packed_(arena.take<float>(packedWidth_)), tileSums_(arena.take<float>(packedWidth_)) {}

  void begin() {
    packWeights<Dtype>(op_.head, op_.width, packed_);
    clearTile();
  }

  void forward(const LossRows& rows, int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += ROWS) {
      const Element* inputs[ROWS];
      const Element* next[ROWS];
      rowPointers<ROWS>(rows, at, inputs);
      rowPointers<ROWS>(rows, at + (end - begin), next);
      float products[ROWS];
      rowProducts<Dtype, ROWS, 2>(packed_, inputs, next, op_.width, products);
      for (int64_t r = 0; r < ROWS && at + r < end; ++r) rows.logits[at + r] = static_cast<double>(products[r]) + op_.head[op_.width];
    }
  }

  void backward(const LossRows& rows, int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += BLOCK_ROWS) {
      const int64_t count = end - at < BLOCK_ROWS ? end - at : BLOCK_ROWS;
      if (tileRows_ + count > TILE) flush();
      float slopes[BLOCK_ROWS] = {};
      for (int64_t r = 0; r < count; ++r) {
        slopes[r] = rows.weighted[at + r];
        tileBias_ += slopes[r];
      }
      const Element* inputs[BLOCK_ROWS];
      const Element* next[BLOCK_ROWS];
      rowPointers<BLOCK_ROWS>(rows, at, inputs);
      rowPointers<BLOCK_ROWS>(rows, end + at - begin, next);
      addWeightedRows(inputs, next, slopes);
      tileRows_ += count;
    }
    if (op_.featureGradient != nullptr) writeFeatureGradient(rows, begin, end);
  }

  void finish() { flush(); }

 private:
  typedef typename Dtype::Element Element;
  static constexpr int64_t TILE = 64;  // rows whose sums are f32

  // Rows [begin, begin + COUNT); behind the end the last row stands in.
  template <int64_t COUNT>
  void rowPointers(const LossRows& rows, int64_t begin, const Element* pointers[COUNT]) const {
    for (int64_t r = 0; r < COUNT; ++r) {
      const int64_t at = begin + r < rows.count ? begin + r : rows.count - 1;
      pointers[r] = static_cast<const Element*>(op_.features) + rows.rows[at] * op_.width;
    }
  }

  // tileSums += slopes . rows, in the order of the packed weights.
  void addWeightedRows(const Element* const inputs[BLOCK_ROWS], const Element* const next[BLOCK_ROWS], const float slopes[BLOCK_ROWS]) {
    constexpr int64_t PER_LINE = LINE / static_cast<int64_t>(sizeof(Element));
    Lanes slope[BLOCK_ROWS];
    for (int r = 0; r < BLOCK_ROWS; ++r) slope[r] = broadcast(slopes[r]);
    int64_t i = 0;
    for (; i + SPAN <= op_.width; i += SPAN) {
      if (i % PER_LINE == 0) {
        for (int r = 0; r < ROWS; ++r) __builtin_prefetch(next[r % 2 + r / 2 * ROWS + 2] + i, 0, 3);
      }
      Span sum = F32::load(tileSums_ + i);
      for (int r = 0; r < BLOCK_ROWS; ++r) {
        const Span x = Dtype::load(inputs[r] + i);
        sum.first += slope[r] * x.first;
        sum.second += slope[r] * x.second;
      }
      memcpy(tileSums_ + i, &sum, sizeof sum);
    }
    if (i == op_.width) return;
    const SpanMask mask = lastSpanMask<Dtype>(op_.width);
    Span sum = F32::load(tileSums_ + i);
    for (int r = 0; r < BLOCK_ROWS; ++r) {
      const Span x = loadLast<Dtype>(inputs[r], op_.width, mask);
      sum.first += slope[r] * x.first;
      sum.second += slope[r] * x.second;
    }
    memcpy(tileSums_ + i, &sum, sizeof sum);
  }

  // The gradient by the features is the slope times the weights.
  void writeFeatureGradient(const LossRows& rows, int64_t begin, int64_t end) {
    const double scale = 1 / op_.weightSum;
    for (int64_t at = begin; at < end; ++at) {
      const Lanes slope = broadcast(static_cast<float>(rows.weighted[at] * scale));
      for (int64_t i = 0; i < op_.width; i += SPAN) {
        const int64_t count = op_.width - i < SPAN ? op_.width - i : SPAN;
        const Span weights = loadPart(op_.head + i, count);
        const Span products = {slope * weights.first, slope * weights.second};
        storeGradient(op_.featureGradient, op_.featureGradientDtype, rows.at[at] * op_.width + i, products, count);
      }
    }
  }

  void clearTile() {
    memset(tileSums_, 0, static_cast<size_t>(packedWidth_) * sizeof(float));
    tileBias_ = 0;
    tileRows_ = 0;
  }

  // Sums over a tile are f32, sums over tiles f64; tiles are taken in batch order.
  void flush() {
    for (int64_t begin = 0; begin < packedWidth_; begin += SPAN) {
      const bool whole = begin + SPAN <= op_.width;
      const int64_t from = whole ? begin : op_.width - SPAN;
      for (int64_t k = 0; k < SPAN; ++k) {
        const int64_t i = from + spanElement<Dtype>(k);
        if (whole || i >= begin) sums_[i] += tileSums_[begin + k];
      }
    }
    sums_[op_.width] += tileBias_;
    clearTile();
  }

  const VlprmStepLoss& op_;
  double* sums_;  // [parameters]
  int64_t packedWidth_;
  float* packed_;    // [packedWidth], weights in the order in which Dtype loads elements
  float* tileSums_;  // [packedWidth], the same order
  float tileBias_ = 0;
  int64_t tileRows_ = 0;
};

}  // namespace
