// The passes of stepLoss over a two-layer head: each is a small matrix product over a tile of rows.
#pragma once
#include "cpu/featureGradient.h"
#include "cpu/lossRows.h"
#include "cpu/twoLayerHead.h"

namespace {

template <class Dtype>
class TwoLayerLoss {
 public:
  static constexpr int64_t BLOCK_ROWS = TILE_ROWS;

  TwoLayerLoss(const VlprmStepLoss& op, double* sums, Arena& arena)
      : op_(op),
        head_(op.head, op.width, op.hiddenSize),
        sums_(sums),
        panels_(arena.take<float>(head_.paddedUnits * head_.width)),
        tile_(arena.take<float>(TILE_ROWS * head_.paddedWidth)),
        activations_(arena.take<float>(TILE_ROWS * head_.paddedUnits)),
        hiddenBias_(arena.take<float>(head_.paddedUnits)),
        outputWeights_(arena.take<float>(head_.paddedUnits)) {}

  void begin() { packPanels(head_, panels_); }

  // At most BLOCK_ROWS rows; leaves their features and activations for backward.
  void forward(const LossRows& rows, int64_t begin, int64_t end) {
    packTile<Dtype>(head_, op_.features, rows.rows + begin, 0, end - begin, tile_);
    activate(head_, panels_, tile_, end - begin, activations_);
    for (int64_t r = begin; r < end; ++r) rows.logits[r] = outputLogit(head_, activations(r - begin));
  }

  void backward(const LossRows& rows, int64_t begin, int64_t end) {
    backUnits(rows, begin, end);
    backWeights(end - begin);
    if (op_.featureGradient == nullptr) return;
    for (int64_t r = begin; r < end; r += ROWS) backFeatures(rows.at + r, r - begin, end - r < ROWS ? end - r : ROWS);
  }

  void finish() {}

 private:
  float* activations(int64_t row) { return activations_ + row * head_.paddedUnits; }

  // Turns one row's activations into their derivatives times the row's slope, and adds the row's gradients of b1 and w2.
  void backRow(float slope, float* activations) {
    const float* weights = head_.outputWeights();
    const Lanes slopes = broadcast(slope);
    int64_t unit = 0;
    for (; unit + LANES <= head_.hiddenSize; unit += LANES) {
      const Lanes activation = loadLanes(activations + unit);
      const IntLanes active = isActive(activation);
      const Lanes derivative = where(active, slopes * loadLanes(weights + unit));
      const Lanes outputs = loadLanes(outputWeights_ + unit) + where(active, slopes * activation);
      const Lanes biases = loadLanes(hiddenBias_ + unit) + derivative;
      memcpy(activations + unit, &derivative, sizeof derivative);
      memcpy(outputWeights_ + unit, &outputs, sizeof outputs);
      memcpy(hiddenBias_ + unit, &biases, sizeof biases);
    }
    for (; unit < head_.hiddenSize; ++unit) {
      const bool active = !(activations[unit] <= 0);
      outputWeights_[unit] += active ? slope * activations[unit] : 0.0f;
      activations[unit] = active ? slope * weights[unit] : 0.0f;
      hiddenBias_[unit] += activations[unit];
    }
  }

  // Turns the tile's activations into derivatives times slopes, and adds the gradients of b1, w2 and b2.
  void backUnits(const LossRows& rows, int64_t begin, int64_t end) {
    memset(hiddenBias_, 0, static_cast<size_t>(head_.paddedUnits) * sizeof(float));
    memset(outputWeights_, 0, static_cast<size_t>(head_.paddedUnits) * sizeof(float));
    double* hiddenBiasSums = sums_ + head_.hiddenSize * head_.width;
    double* outputBiasSum = hiddenBiasSums + 2 * head_.hiddenSize;
    for (int64_t r = begin; r < end; ++r) {
      *outputBiasSum += rows.weighted[r];
      backRow(rows.weighted[r], activations(r - begin));
    }
    for (int64_t unit = 0; unit < head_.hiddenSize; ++unit) {
      hiddenBiasSums[unit] += hiddenBias_[unit];
      hiddenBiasSums[head_.hiddenSize + unit] += outputWeights_[unit];
    }
  }

  // W1 gradient [unit, i] += sum over the tile's rows of derivative[row, unit] * x[row, i].
  void backWeights(int64_t rows) {
    for (int64_t unit = 0; unit < head_.paddedUnits; unit += ROWS) {
      const int64_t units = head_.hiddenSize - unit < ROWS ? head_.hiddenSize - unit : ROWS;
      for (int64_t i = 0; i < head_.paddedWidth; i += PANEL) {
        Lanes totals[ROWS][2] = {};
        for (int64_t r = 0; r < rows; ++r) {
          const Span inputs = F32::load(tile_ + r * head_.paddedWidth + i);
          for (int k = 0; k < ROWS; ++k) {
            const Lanes derivative = broadcast(activations(r)[unit + k]);
            totals[k][0] += derivative * inputs.first;
            totals[k][1] += derivative * inputs.second;
          }
        }
        const int64_t count = head_.width - i < PANEL ? head_.width - i : PANEL;
        for (int64_t k = 0; k < units; ++k) {
          float flat[PANEL];
          memcpy(flat, totals[k], sizeof flat);
          double* into = sums_ + (unit + k) * head_.width + i;
          for (int64_t n = 0; n < count; ++n) into[n] += flat[n];
        }
      }
    }
  }

  // Feature gradient of up to ROWS rows: derivatives [rows, units] . W1, which padding rows take part in as copies of the first.
  void backFeatures(const int32_t* at, int64_t first, int64_t rows) {
    const Lanes scale = broadcast(static_cast<float>(1 / op_.weightSum));
    for (int64_t i = 0; i < head_.width; i += PANEL) {
      const int64_t count = head_.width - i < PANEL ? head_.width - i : PANEL;
      Lanes totals[ROWS][2] = {};
      for (int64_t unit = 0; unit < head_.hiddenSize; ++unit) {
        const Span weights = loadPart(head_.parameters + unit * head_.width + i, count);
        for (int64_t r = 0; r < ROWS; ++r) {
          const Lanes derivative = broadcast(activations(first + (r < rows ? r : 0))[unit]);
          totals[r][0] += derivative * weights.first;
          totals[r][1] += derivative * weights.second;
        }
      }
      for (int64_t r = 0; r < rows; ++r) {
        const Span gradient = {totals[r][0] * scale, totals[r][1] * scale};
        storeGradient(op_.featureGradient, op_.featureGradientDtype, at[r] * op_.width + i, gradient, count);
      }
    }
  }

  const VlprmStepLoss& op_;
  TwoLayerHead head_;
  double* sums_;  // [hiddenSize, width], then b1, w2, b2: the layout of the parameters
  float* panels_;  // W1, packed
  float* tile_;  // [TILE_ROWS, paddedWidth] features
  float* activations_;  // [TILE_ROWS, paddedUnits]
  float* hiddenBias_;  // [paddedUnits] of one tile, as below
  float* outputWeights_;
};

}  // namespace
