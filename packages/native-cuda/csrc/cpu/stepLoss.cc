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

// --- linear head -----------------------------------------------------------------------------------------------------

void addWeightedRows(const float* const rows[ROWS], const float slopes[ROWS], int64_t width, float* sums) {
  int64_t i = 0;
  for (; i + LANES <= width; i += LANES) {
    Lanes sum = F32::load(sums + i);
    for (int r = 0; r < ROWS; ++r) sum += broadcast(slopes[r]) * F32::load(rows[r] + i);
    memcpy(sums + i, &sum, sizeof sum);
  }
  for (; i < width; ++i) {
    for (int r = 0; r < ROWS; ++r) sums[i] += slopes[r] * rows[r][i];
  }
}

// Four unmasked rows (repeats carry slope 0): logits, losses, gradient, while the rows are in the cache.
void linearBlock(VlprmStepLoss& op, const int64_t* rowNumbers, int64_t count, float* tileSums) {
  const float* rows[ROWS];
  for (int64_t r = 0; r < ROWS; ++r) rows[r] = op.features + rowNumbers[r < count ? r : count - 1] * op.width;
  float products[ROWS];
  fourProducts<F32>(op.head, rows, op.width, products);
  float slopes[ROWS] = {};
  for (int64_t r = 0; r < count; ++r) slopes[r] = addRow(op, rowNumbers[r], static_cast<double>(products[r]) + op.head[op.width]);
  addWeightedRows(rows, slopes, op.width, tileSums);
  for (int64_t r = 0; r < ROWS; ++r) tileSums[op.width] += slopes[r];
}

void linearLoss(VlprmStepLoss& op, double* sums, float* tileSums) {
  const int64_t size = op.width + 1;
  int64_t rowNumbers[ROWS];
  int64_t pending = 0;
  int64_t inTile = 0;
  for (int64_t i = 0; i < op.count; ++i) {
    const int64_t row = rowAt(op, i);
    if (op.weights[row] == 0) continue;
    rowNumbers[pending++] = row;
    if (pending < ROWS) continue;
    linearBlock(op, rowNumbers, pending, tileSums);
    pending = 0;
    inTile += ROWS;
    if (inTile < TILE_ROWS) continue;
    flush(tileSums, sums, size);
    inTile = 0;
  }
  if (pending > 0) linearBlock(op, rowNumbers, pending, tileSums);
  flush(tileSums, sums, size);
}

// --- two-layer head --------------------------------------------------------------------------------------------------

struct TwoLayerSums {
  double* hidden;  // [hiddenSize, width], then b1, w2, b2: the layout of the parameters
  float* units;    // [2, paddedUnits] of one tile: b1, w2
};

// Turns activations [count, paddedUnits] into their derivatives times the rows' slopes, and adds the gradients of b1, w2 and b2.
void backUnits(VlprmStepLoss& op, const TwoLayerHead& head, const int64_t* rowNumbers, int64_t count, float* activations, const TwoLayerSums& sums) {
  float* hiddenBias = sums.units;
  float* outputWeights = sums.units + head.paddedUnits;
  memset(sums.units, 0, 2 * head.paddedUnits * sizeof(float));
  const float* weights = head.outputWeights();
  double* outputBias = sums.hidden + head.hiddenSize * (head.width + 2);
  for (int64_t r = 0; r < count; ++r) {
    float* activation = activations + r * head.paddedUnits;
    const float slope = addRow(op, rowNumbers[r], outputLogit(head, activation));
    *outputBias += slope;
    for (int64_t unit = 0; unit < head.hiddenSize; ++unit) {
      const bool active = !(activation[unit] <= 0);
      outputWeights[unit] += active ? slope * activation[unit] : 0.0f;
      activation[unit] = active ? slope * weights[unit] : 0.0f;
      hiddenBias[unit] += activation[unit];
    }
  }
  double* hiddenBiasSums = sums.hidden + head.hiddenSize * head.width;
  for (int64_t unit = 0; unit < head.hiddenSize; ++unit) {
    hiddenBiasSums[unit] += hiddenBias[unit];
    hiddenBiasSums[head.hiddenSize + unit] += outputWeights[unit];
  }
}

// W1 gradient [unit, i] += sum over the tile's rows of derivative[row, unit] * x[row, i].
void backWeights(const TwoLayerHead& head, const float* tile, const float* derivatives, int64_t count, double* sums) {
  for (int64_t unit = 0; unit < head.paddedUnits; unit += ROWS) {
    const int64_t units = head.hiddenSize - unit < ROWS ? head.hiddenSize - unit : ROWS;
    for (int64_t i = 0; i < head.paddedWidth; i += PANEL) {
      Lanes totals[ROWS][2] = {};
      for (int64_t r = 0; r < count; ++r) {
        const Lanes low = F32::load(tile + r * head.paddedWidth + i);
        const Lanes high = F32::load(tile + r * head.paddedWidth + i + LANES);
        for (int k = 0; k < ROWS; ++k) {
          const Lanes derivative = broadcast(derivatives[r * head.paddedUnits + unit + k]);
          totals[k][0] += derivative * low;
          totals[k][1] += derivative * high;
        }
      }
      const int64_t inputs = head.width - i < PANEL ? head.width - i : PANEL;
      for (int64_t k = 0; k < units; ++k) {
        float flat[PANEL];
        memcpy(flat, totals[k], sizeof flat);
        double* into = sums + (unit + k) * head.width + i;
        for (int64_t n = 0; n < inputs; ++n) into[n] += flat[n];
      }
    }
  }
}

struct RowGather {
  int64_t numbers[TILE_ROWS];
  int32_t positions[TILE_ROWS];
  int64_t count;
};

void twoLayerTile(VlprmStepLoss& op, const TwoLayerHead& head, const TileMemory& memory, const RowGather& rows, const TwoLayerSums& sums) {
  packTile(head, op.features, rows.positions, 0, rows.count, memory.tile);
  activate(head, memory.panels, memory.tile, rows.count, memory.activations);
  backUnits(op, head, rows.numbers, rows.count, memory.activations, sums);
  backWeights(head, memory.tile, memory.activations, rows.count, sums.hidden);
}

void twoLayerLoss(VlprmStepLoss& op, double* sums, char* scratch) {
  const TwoLayerHead head(op.head, op.width, op.hiddenSize);
  const TileMemory memory(head, scratch);
  const TwoLayerSums layerSums = {sums, reinterpret_cast<float*>(memory.rest)};
  packPanels(head, memory.panels);
  RowGather rows;
  rows.count = 0;
  for (int64_t i = 0; i < op.count; ++i) {
    const int64_t row = rowAt(op, i);
    if (op.weights[row] == 0) continue;
    rows.numbers[rows.count] = row;
    rows.positions[rows.count++] = static_cast<int32_t>(row);
    if (rows.count < TILE_ROWS) continue;
    twoLayerTile(op, head, memory, rows, layerSums);
    rows.count = 0;
  }
  if (rows.count > 0) twoLayerTile(op, head, memory, rows, layerSums);
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

// scratch: f64 sums [parameters], then f32 tile sums [parameters] of a linear head, or the tile memory and [2, paddedUnits].
void stepLoss(VlprmStepLoss& op, char* scratch) {
  const int64_t size = op.hiddenSize == 0 ? op.width + 1 : op.hiddenSize * (op.width + 2) + 1;
  double* sums = reinterpret_cast<double*>(scratch);
  char* rest = scratch + (size * sizeof(double) + 63) / 64 * 64;
  memset(sums, 0, size * sizeof(double));
  op.loss = 0;
  op.weightSum = 0;
  if (op.hiddenSize == 0) {
    float* tileSums = reinterpret_cast<float*>(rest);
    memset(tileSums, 0, size * sizeof(float));
    linearLoss(op, sums, tileSums);
  } else {
    twoLayerLoss(op, sums, rest);
  }
  const double scale = op.weightSum > 0 ? 1 / op.weightSum : 0;
  for (int64_t i = 0; i < size; ++i) op.gradient[i] = static_cast<float>(sums[i] * scale);
  op.loss = op.weightSum > 0 ? op.loss / op.weightSum : NAN;
}

}  // namespace vlprm::cpu::VLPRM_ISA
