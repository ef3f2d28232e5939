// The passes of stepLoss over a linear head: logits of rows, then their weighted sum, which is the gradient.
#pragma once
#include "cpu/featureGradient.h"
#include "cpu/labelProducts.h"
#include "cpu/lossRows.h"

namespace {

template <class Dtype>
class LinearLoss {
 public:
  // Rows read forth and back: few enough to stay in the first or second cache. Half of the next are asked for on the way forth,
  // half on the way back, so that memory is never idle.
  static constexpr int64_t BLOCK_ROWS = 4;

  LinearLoss(const VlprmStepLoss& op, double* sums, Arena& arena)
      : op_(op), sums_(sums), paddedWidth_(roundUp(op.width, STRIPE)), packed_(arena.take<float>(paddedWidth_)), tileSums_(arena.take<float>(paddedWidth_)) {}

  void begin() {
    packLabel(op_.head, op_.width, packed_);
    clearTile();
  }

  void forward(const LossRows& rows, int64_t begin, int64_t end) {
    const int64_t width = op_.width < STRIPE ? STRIPE : op_.width;
    const StripeMask mask(width);
    for (int64_t at = begin; at < end; at += BLOCK_ROWS) {
      Element padded[BLOCK_ROWS][STRIPE] = {};
      const Element* inputs[BLOCK_ROWS];
      const Element* next[AHEAD];
      for (int64_t r = 0; r < BLOCK_ROWS; ++r) {
        inputs[r] = rowOf(rows, at + r);
        if (r < AHEAD) next[r] = rowOf(rows, at + r + (end - begin));
        if (op_.width >= STRIPE) continue;
        memcpy(padded[r] + STRIPE - op_.width, inputs[r], static_cast<size_t>(op_.width) * sizeof(Element));
        inputs[r] = padded[r];
      }
      float products[BLOCK_ROWS][1];
      labelProducts<Dtype, BLOCK_ROWS, 1, AHEAD>(packed_, inputs, next, width, mask, products);
      for (int64_t r = 0; r < BLOCK_ROWS && at + r < end; ++r) rows.logits[at + r] = static_cast<double>(products[r][0]) + op_.head[op_.width];
    }
  }

  void backward(const LossRows& rows, int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += BLOCK_ROWS) {
      const int64_t count = end - at < BLOCK_ROWS ? end - at : BLOCK_ROWS;
      if (tileRows_ + count > TILE) flush();
      float slopes[BLOCK_ROWS] = {};
      const Element* inputs[BLOCK_ROWS];
      const Element* next[BLOCK_ROWS - AHEAD];
      for (int64_t r = 0; r < BLOCK_ROWS; ++r) {
        inputs[r] = rowOf(rows, at + r);
        if (r >= AHEAD) next[r - AHEAD] = rowOf(rows, at + r + (end - begin));
        if (r < count) slopes[r] = rows.weighted[at + r];
        tileBias_ += slopes[r];
      }
      addWeightedRows(inputs, next, slopes);
      tileRows_ += count;
    }
    if (op_.featureGradient != nullptr) writeFeatureGradient(rows, begin, end);
  }

  void finish() { flush(); }

 private:
  typedef typename Dtype::Element Element;
  static constexpr int64_t TILE = 64;              // rows whose sums are f32
  static constexpr int AHEAD = BLOCK_ROWS / 2;

  // Behind the end the last row stands in.
  const Element* rowOf(const LossRows& rows, int64_t row) const {
    return static_cast<const Element*>(op_.features) + rows.rows[row < rows.count ? row : rows.count - 1] * op_.width;
  }

  // tileSums += slopes . rows. Elements beyond the width are zeros.
  void addWeightedRows(const Element* const inputs[BLOCK_ROWS], const Element* const next[BLOCK_ROWS - AHEAD], const float slopes[BLOCK_ROWS]) {
    Wide slope[BLOCK_ROWS];
    for (int r = 0; r < BLOCK_ROWS; ++r) slope[r] = broadcastWide(slopes[r]);
    int64_t i = 0;
    for (; i + WIDE <= op_.width; i += WIDE) {
      for (int r = 0; r < BLOCK_ROWS - AHEAD; ++r) __builtin_prefetch(next[r] + i, 0, 3);
      Wide sum = loadWide(F32{}, tileSums_ + i);
      for (int r = 0; r < BLOCK_ROWS; ++r) sum += slope[r] * loadWide(Dtype{}, inputs[r] + i);
      memcpy(tileSums_ + i, &sum, sizeof sum);
    }
    if (i == op_.width) return;
    Wide sum = loadWide(F32{}, tileSums_ + i);
    for (int r = 0; r < BLOCK_ROWS; ++r) {
      Element rest[WIDE] = {};
      memcpy(rest, inputs[r] + i, static_cast<size_t>(op_.width - i) * sizeof(Element));
      sum += slope[r] * loadWide(Dtype{}, rest);
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
    memset(tileSums_, 0, static_cast<size_t>(paddedWidth_) * sizeof(float));
    tileBias_ = 0;
    tileRows_ = 0;
  }

  // Sums over a tile are f32, sums over tiles f64; tiles are taken in batch order.
  void flush() {
    for (int64_t i = 0; i < op_.width; ++i) sums_[i] += tileSums_[i];
    sums_[op_.width] += tileBias_;
    clearTile();
  }

  const VlprmStepLoss& op_;
  double* sums_;  // [parameters]
  int64_t paddedWidth_;
  float* packed_;    // [paddedWidth] weights in stripes
  float* tileSums_;  // [paddedWidth]
  float tileBias_ = 0;
  int64_t tileRows_ = 0;
};

}  // namespace
