#include <math.h>

#include "cpu/kernels.h"
#include "cpu/lanes.h"
#include "cpu/logistic.h"
#include "cpu/twoLayerHead.h"

namespace {

struct RowLoss {
  double loss;
  double slope;  // derivative by the logit
};

RowLoss rowLoss(const VlprmStepLoss& op, double logit, double target) {
  const Logistic p = logistic(logit);
  const double difference = p.probability - target;
  if (op.squared != 0) return {difference * difference, 2 * difference * p.probability * (1 - p.probability)};
  return {-p.logNegative - target * logit, difference};
}

int64_t rowAt(const VlprmStepLoss& op, int64_t i) { return op.rowIndices == nullptr ? i : op.rowIndices[i]; }

// Adds the row's loss to the sums and returns its weighted slope; 0 for a masked row, whose logit may be anything.
float addRow(VlprmStepLoss& op, int64_t row, double logit) {
  const double weight = op.weights[row];
  if (weight == 0) return 0;
  const double target = (1 - op.labelSmoothing) * op.targets[row] + op.labelSmoothing / 2;
  const RowLoss result = rowLoss(op, logit, target);
  op.loss += weight * result.loss;
  op.weightSum += weight;
  return static_cast<float>(weight * result.slope);
}

// Sums over a tile are f32, sums over tiles f64; tiles are taken in batch order.
void flush(float* tileSums, double* sums, int64_t size) {
  for (int64_t i = 0; i < size; ++i) sums[i] += tileSums[i];
  memset(tileSums, 0, size * sizeof(float));
}

struct RowGather {
  int64_t count;
  int32_t rows[TILE_ROWS];  // unmasked, in batch order
};

template <class Call>
void forEachTile(const VlprmStepLoss& op, Call call) {
  RowGather gather;
  gather.count = 0;
  for (int64_t i = 0; i < op.count; ++i) {
    const int64_t row = rowAt(op, i);
    if (op.weights[row] == 0) continue;
    gather.rows[gather.count++] = static_cast<int32_t>(row);
    if (gather.count < TILE_ROWS) continue;
    call(gather);
    gather.count = 0;
  }
  if (gather.count > 0) call(gather);
}

// --- linear head -----------------------------------------------------------------------------------------------------

// sums += slopes . rows; meanwhile the lines of two rows wanted next are asked for.
void addWeightedRows(const float* const rows[ROWS], const float* const ahead[2], const float slopes[ROWS], int64_t width, float* sums) {
  Lanes slope[ROWS];
  for (int r = 0; r < ROWS; ++r) slope[r] = broadcast(slopes[r]);
  int64_t i = 0;
  for (; i + SPAN <= width; i += SPAN) {
    __builtin_prefetch(ahead[0] + i, 0, 2);
    __builtin_prefetch(ahead[1] + i, 0, 2);
    Span sum = F32::load(sums + i);
    for (int r = 0; r < ROWS; ++r) {
      const Span x = F32::load(rows[r] + i);
      sum.first += slope[r] * x.first;
      sum.second += slope[r] * x.second;
    }
    memcpy(sums + i, &sum, sizeof sum);
  }
  for (; i < width; ++i) {
    for (int r = 0; r < ROWS; ++r) sums[i] += slopes[r] * rows[r][i];
  }
}

// Rows [begin, begin + ROWS) of the gather; behind its end the last row stands in.
void rowPointers(const VlprmStepLoss& op, const RowGather& gather, int64_t begin, const float* rows[ROWS]) {
  for (int64_t r = 0; r < ROWS; ++r) {
    const int64_t at = begin + r < gather.count ? begin + r : gather.count - 1;
    rows[r] = op.features + gather.rows[at] * op.width;
  }
}

// Logits, losses and gradient of a tile. A block of rows is read from memory once: the second pass finds it in the cache.
void linearTile(VlprmStepLoss& op, const RowGather& gather, const float* packed, float* tileSums) {
  for (int64_t begin = 0; begin < gather.count; begin += ROWS) {
    const float* rows[ROWS];
    const float* next[ROWS];
    rowPointers(op, gather, begin, rows);
    rowPointers(op, gather, begin + ROWS, next);
    float products[ROWS];
    rowProducts<F32, ROWS, 2>(packed, rows, next, op.width, products);
    float slopes[ROWS] = {};
    for (int64_t r = 0; r < ROWS && begin + r < gather.count; ++r) {
      slopes[r] = addRow(op, gather.rows[begin + r], static_cast<double>(products[r]) + op.head[op.width]);
      tileSums[op.width] += slopes[r];
    }
    addWeightedRows(rows, next + 2, slopes, op.width, tileSums);
  }
}

// scratch: packed weights, then f32 sums of one tile.
void linearLoss(VlprmStepLoss& op, double* sums, char* scratch) {
  float* packed = reinterpret_cast<float*>(scratch);
  float* tileSums = packed + roundUp(op.width, SPAN);
  packWeights<F32>(op.head, op.width, packed);
  memset(tileSums, 0, static_cast<size_t>(op.width + 1) * sizeof(float));
  forEachTile(op, [&](const RowGather& gather) {
    linearTile(op, gather, packed, tileSums);
    flush(tileSums, sums, op.width + 1);
  });
}

// --- two-layer head --------------------------------------------------------------------------------------------------

struct TwoLayerSums {
  double* hidden;  // [hiddenSize, width], then b1, w2, b2: the layout of the parameters
  float* units;    // [2, paddedUnits] of one tile: b1, w2
};

// Turns one row's activations into their derivatives times the row's slope, and adds the row's gradients of b1 and w2.
void backRow(const TwoLayerHead& head, float slope, float* activations, float* hiddenBias, float* outputWeights) {
  const float* weights = head.outputWeights();
  const Lanes slopes = broadcast(slope);
  int64_t unit = 0;
  for (; unit + LANES <= head.hiddenSize; unit += LANES) {
    const Lanes activation = loadLanes(activations + unit);
    const IntLanes active = isActive(activation);
    const Lanes derivative = where(active, slopes * loadLanes(weights + unit));
    const Lanes outputs = loadLanes(outputWeights + unit) + where(active, slopes * activation);
    const Lanes biases = loadLanes(hiddenBias + unit) + derivative;
    memcpy(activations + unit, &derivative, sizeof derivative);
    memcpy(outputWeights + unit, &outputs, sizeof outputs);
    memcpy(hiddenBias + unit, &biases, sizeof biases);
  }
  for (; unit < head.hiddenSize; ++unit) {
    const bool active = !(activations[unit] <= 0);
    outputWeights[unit] += active ? slope * activations[unit] : 0.0f;
    activations[unit] = active ? slope * weights[unit] : 0.0f;
    hiddenBias[unit] += activations[unit];
  }
}

// Turns activations [count, paddedUnits] into derivatives times slopes, and adds the gradients of b1, w2 and b2.
void backUnits(VlprmStepLoss& op, const TwoLayerHead& head, const RowGather& gather, float* activations, const TwoLayerSums& sums) {
  float* hiddenBias = sums.units;
  float* outputWeights = sums.units + head.paddedUnits;
  memset(sums.units, 0, static_cast<size_t>(2 * head.paddedUnits) * sizeof(float));
  double* outputBias = sums.hidden + head.hiddenSize * (head.width + 2);
  for (int64_t r = 0; r < gather.count; ++r) {
    float* activation = activations + r * head.paddedUnits;
    const float slope = addRow(op, gather.rows[r], outputLogit(head, activation));
    *outputBias += slope;
    backRow(head, slope, activation, hiddenBias, outputWeights);
  }
  double* hiddenBiasSums = sums.hidden + head.hiddenSize * head.width;
  for (int64_t unit = 0; unit < head.hiddenSize; ++unit) {
    hiddenBiasSums[unit] += hiddenBias[unit];
    hiddenBiasSums[head.hiddenSize + unit] += outputWeights[unit];
  }
}

// W1 gradient [unit, i] += sum over the tile's rows of derivative[row, unit] * x[row, i].
void backWeights(const TwoLayerHead& head, const float* tile, const float* derivatives, int64_t rows, double* sums) {
  for (int64_t unit = 0; unit < head.paddedUnits; unit += ROWS) {
    const int64_t units = head.hiddenSize - unit < ROWS ? head.hiddenSize - unit : ROWS;
    for (int64_t i = 0; i < head.paddedWidth; i += PANEL) {
      Lanes totals[ROWS][2] = {};
      for (int64_t r = 0; r < rows; ++r) {
        const Span inputs = F32::load(tile + r * head.paddedWidth + i);
        for (int k = 0; k < ROWS; ++k) {
          const Lanes derivative = broadcast(derivatives[r * head.paddedUnits + unit + k]);
          totals[k][0] += derivative * inputs.first;
          totals[k][1] += derivative * inputs.second;
        }
      }
      const int64_t count = head.width - i < PANEL ? head.width - i : PANEL;
      for (int64_t k = 0; k < units; ++k) {
        float flat[PANEL];
        memcpy(flat, totals[k], sizeof flat);
        double* into = sums + (unit + k) * head.width + i;
        for (int64_t n = 0; n < count; ++n) into[n] += flat[n];
      }
    }
  }
}

void twoLayerTile(VlprmStepLoss& op, const TwoLayerHead& head, const float* panels, const TileMemory& memory, const RowGather& gather,
                  const TwoLayerSums& sums) {
  packTile(head, op.features, gather.rows, 0, gather.count, memory.tile);
  activate(head, panels, memory.tile, gather.count, memory.activations);
  backUnits(op, head, gather, memory.activations, sums);
  backWeights(head, memory.tile, memory.activations, gather.count, sums.hidden);
}

void twoLayerLoss(VlprmStepLoss& op, double* sums, char* scratch) {
  const TwoLayerHead head(op.head, op.width, op.hiddenSize);
  float* panels = reinterpret_cast<float*>(scratch);
  const TileMemory memory(head, scratch + panelBytes(head));
  const TwoLayerSums layerSums = {sums, reinterpret_cast<float*>(memory.rest)};
  packPanels(head, panels);
  forEachTile(op, [&](const RowGather& gather) { twoLayerTile(op, head, panels, memory, gather, layerSums); });
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

// scratch: f64 sums [parameters], then what the head's own pass needs.
void stepLoss(VlprmStepLoss& op, char* scratch) {
  const int64_t size = op.hiddenSize == 0 ? op.width + 1 : op.hiddenSize * (op.width + 2) + 1;
  double* sums = reinterpret_cast<double*>(scratch);
  char* rest = scratch + (size * sizeof(double) + 63) / 64 * 64;
  memset(sums, 0, size * sizeof(double));
  op.loss = 0;
  op.weightSum = 0;
  if (op.hiddenSize == 0) {
    linearLoss(op, sums, rest);
  } else {
    twoLayerLoss(op, sums, rest);
  }
  const double scale = op.weightSum > 0 ? 1 / op.weightSum : 0;
  for (int64_t i = 0; i < size; ++i) op.gradient[i] = static_cast<float>(sums[i] * scale);
  op.loss = op.weightSum > 0 ? op.loss / op.weightSum : NAN;
}

}  // namespace vlprm::cpu::VLPRM_ISA
