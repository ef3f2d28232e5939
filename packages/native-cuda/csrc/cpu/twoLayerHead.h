// Forward pass of a two-layer head over a tile of rows: logit = w2 . relu(W1 x + b1) + b2.
// The tile is padded to whole blocks with zeros, so that every row takes the same path whatever its neighbours are.
#pragma once
#include "cpu/wide.h"

namespace {

constexpr int64_t TILE_ROWS = 64;
constexpr int64_t PANEL = SPAN;             // units that one pass computes
constexpr int64_t PANEL_PARTS = PANEL / WIDE;
constexpr int64_t BLOCK = 8 / PANEL_PARTS;  // rows that one pass computes: eight sums hide the latency of an addition
constexpr int64_t SUM_LENGTH = 128;         // products summed before they join the total: keeps f32 sums short

struct TwoLayerHead {
  const float* parameters;
  int64_t width;
  int64_t hiddenSize;
  int64_t paddedWidth;  // of a tile row
  int64_t paddedUnits;  // of an activation row

  TwoLayerHead(const float* head, int64_t width_, int64_t hiddenSize_)
      : parameters(head), width(width_), hiddenSize(hiddenSize_), paddedWidth(roundUp(width_, PANEL)), paddedUnits(roundUp(hiddenSize_, PANEL)) {}

  const float* hiddenBias() const { return parameters + hiddenSize * width; }
  const float* outputWeights() const { return hiddenBias() + hiddenSize; }
  float outputBias() const { return outputWeights()[hiddenSize]; }
};

// panels [paddedUnits / PANEL, width, PANEL]: W1 so that the weights of PANEL units on one input lie together.
inline void packPanels(const TwoLayerHead& head, float* panels) {
  for (int64_t begin = 0; begin < head.paddedUnits; begin += PANEL) {
    float* panel = panels + begin * head.width;
    for (int64_t unit = 0; unit < PANEL; ++unit) {
      const bool real = begin + unit < head.hiddenSize;
      const float* weights = head.parameters + (begin + unit) * head.width;
      for (int64_t i = 0; i < head.width; ++i) panel[i * PANEL + unit] = real ? weights[i] : 0.0f;
    }
  }
}

// tile [TILE_ROWS, paddedWidth] from `count` rows of the batch that starts at `begin`; zeros elsewhere.
template <class Dtype>
inline void packTile(const TwoLayerHead& head, const void* features, const int32_t* positions, int64_t begin, int64_t count, float* tile) {
  for (int64_t r = 0; r < roundUp(count, BLOCK); ++r) {
    float* into = tile + r * head.paddedWidth;
    if (r >= count) {
      memset(into, 0, head.paddedWidth * sizeof(float));
      continue;
    }
    const int64_t row = positions == nullptr ? begin + r : positions[begin + r];
    widenRow<Dtype>(static_cast<const typename Dtype::Element*>(features) + row * head.width, head.width, into);
  }
}

inline void activateBlock(const TwoLayerHead& head, const float* panel, const float* tile, Wide totals[BLOCK][PANEL_PARTS]) {
  for (int64_t begin = 0; begin < head.width; begin += SUM_LENGTH) {
    const int64_t end = begin + SUM_LENGTH < head.width ? begin + SUM_LENGTH : head.width;
    Wide sums[BLOCK][PANEL_PARTS] = {};
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t k = 0; k < PANEL_PARTS; ++k) {
        const Wide weights = loadWide(F32{}, panel + i * PANEL + k * WIDE);
        for (int64_t r = 0; r < BLOCK; ++r) sums[r][k] += broadcastWide(tile[r * head.paddedWidth + i]) * weights;
      }
    }
    for (int64_t r = 0; r < BLOCK; ++r) {
      for (int64_t k = 0; k < PANEL_PARTS; ++k) totals[r][k] += sums[r][k];
    }
  }
}

// activations [TILE_ROWS, paddedUnits] = W1 x + b1, before the rectifier; zero in the padding.
inline void activate(const TwoLayerHead& head, const float* panels, const float* tile, int64_t count, float* activations) {
  for (int64_t begin = 0; begin < head.paddedUnits; begin += PANEL) {
    const int64_t units = head.hiddenSize - begin;
    float bias[PANEL] = {};
    memcpy(bias, head.hiddenBias() + begin, static_cast<size_t>(units < PANEL ? units : PANEL) * sizeof(float));
    for (int64_t r = 0; r < count; r += BLOCK) {
      Wide totals[BLOCK][PANEL_PARTS];
      for (int64_t k = 0; k < BLOCK; ++k) memcpy(totals[k], bias, sizeof bias);
      activateBlock(head, panels + begin * head.width, tile + r * head.paddedWidth, totals);
      for (int64_t k = 0; k < BLOCK; ++k) memcpy(activations + (r + k) * head.paddedUnits + begin, totals[k], sizeof totals[k]);
    }
  }
}

inline size_t panelBytes(const TwoLayerHead& head) { return sizeof(float) * static_cast<size_t>(head.paddedUnits * head.width); }

inline double outputLogit(const TwoLayerHead& head, const float* activations) {
  const float* weights = head.outputWeights();
  double logit = head.outputBias();
  int64_t unit = 0;
  for (int64_t begin = 0; begin + LANES <= head.hiddenSize; begin += SUM_LENGTH) {
    Lanes sums = {};
    for (; unit < begin + SUM_LENGTH && unit + LANES <= head.hiddenSize; unit += LANES) {
      const Lanes activation = loadLanes(activations + unit);
      sums += where(isActive(activation), activation) * loadLanes(weights + unit);
    }
    logit += sumLanes(sums);
  }
  for (; unit < head.hiddenSize; ++unit) {
    logit += static_cast<double>(activations[unit] <= 0 ? 0.0f : activations[unit]) * weights[unit];
  }
  return logit;
}

// What one thread needs for a tile.
struct TileMemory {
  float* tile;
  float* activations;
  char* rest;

  TileMemory(const TwoLayerHead& head, char* scratch) {
    tile = reinterpret_cast<float*>(scratch);
    activations = tile + TILE_ROWS * head.paddedWidth;
    rest = reinterpret_cast<char*>(activations + TILE_ROWS * head.paddedUnits);
  }
  static size_t bytes(const TwoLayerHead& head) {
    return sizeof(float) * static_cast<size_t>(TILE_ROWS * (head.paddedWidth + head.paddedUnits));
  }
};

}  // namespace
