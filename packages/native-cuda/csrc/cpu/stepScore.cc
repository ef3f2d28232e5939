#include <math.h>

#include "cpu/kernels.h"
#include "cpu/labelProducts.h"
#include "cpu/logistic.h"
#include "cpu/logisticLanes.h"
#include "cpu/twoLayerHead.h"

namespace {

constexpr int64_t STEP_BLOCK = vlprm::cpu::STEP_BLOCK;
constexpr int64_t LARGE_LABEL = 16 * 1024;  // bytes of a label row that leave too little room in the first cache
constexpr int64_t FETCH_AHEAD = 8 * 1024;   // bytes at least; with the row in work they should fit into the first cache

// -logsumexp(-u), the logit of the positive label against all others together. NaN if any u is.
double jointLogit(const double* u, int64_t others) {
  double smallest = INFINITY;
  for (int64_t j = 0; j < others; ++j) {
    if (u[j] != u[j]) return u[j];
    if (u[j] < smallest) smallest = u[j];
  }
  if (!isfinite(smallest)) return smallest;
  double sum = 0;
  for (int64_t j = 0; j < others; ++j) sum += exp(smallest - u[j]);
  return smallest - log(sum);
}

// u [others]: differences of the label logits of one step, before the temperature; overwritten.
void writeStep(const VlprmStepScore& op, int64_t step, double* u) {
  for (int64_t j = 0; j < op.others; ++j) u[j] /= op.temperature;
  const double logit = jointLogit(u, op.others);
  const Logistic p = logistic(logit);
  float* logProbability = op.logProbability + step * (op.others + 1);
  op.logit[step] = static_cast<float>(logit);
  op.probability[step] = static_cast<float>(p.probability);
  logProbability[0] = static_cast<float>(p.logPositive);
  for (int64_t j = 0; j < op.others; ++j) logProbability[1 + j] = static_cast<float>(p.logPositive - u[j]);
}

// Two labels: eight steps at once, of which `count` are written.
void writeLanes(const VlprmStepScore& op, int64_t begin, int64_t count, const double* u) {
  float logits[LANES];
  float logProbability[2 * LANES];
  for (int64_t k = 0; k < LANES; ++k) logits[k] = static_cast<float>(u[k] / op.temperature);
  const LogisticLanes p = logisticLanes(loadLanes(logits));
  for (int64_t k = 0; k < LANES; ++k) {
    logProbability[2 * k] = p.logPositive[k];
    logProbability[2 * k + 1] = p.logNegative[k];
  }
  const size_t bytes = static_cast<size_t>(count) * sizeof(float);
  memcpy(op.logit + begin, logits, bytes);
  memcpy(op.probability + begin, &p.probability, bytes);
  memcpy(op.logProbability + 2 * begin, logProbability, 2 * bytes);
}

// u [count, others] of steps [begin, begin + count); room up to a whole number of lanes.
void writeSteps(const VlprmStepScore& op, int64_t begin, int64_t count, double* u) {
  if (op.others > 1) {
    for (int64_t k = 0; k < count; ++k) writeStep(op, begin + k, u + k * op.others);
    return;
  }
  for (int64_t k = 0; k < count; k += LANES) writeLanes(op, begin + k, count - k < LANES ? count - k : LANES, u + k);
}

template <class Element>
const Element* rowOf(const VlprmStepScore& op, int64_t step) {
  const int64_t real = step < op.steps ? step : op.steps - 1;
  return static_cast<const Element*>(op.hidden) + (op.positions == nullptr ? real : op.positions[real]) * op.width;
}

// The rows of COUNT steps, and those that are wanted later.
template <class Dtype, int COUNT>
struct StepRows {
  typedef typename Dtype::Element Element;
  const Element* rows[COUNT];
  const Element* ahead[COUNT];
  Element padded[COUNT][STRIPE] = {};

  // Behind the last step its row stands in, so that every row takes the same path.
  void point(const VlprmStepScore& op, int64_t begin, int64_t rowsAhead) {
    for (int64_t r = 0; r < COUNT; ++r) {
      rows[r] = rowOf<Element>(op, begin + r);
      ahead[r] = rowOf<Element>(op, begin + r + rowsAhead);
    }
  }

  // A row shorter than a stripe is copied behind zeros, as its label rows are.
  void pad(int64_t width) {
    for (int64_t r = 0; r < COUNT; ++r) {
      memcpy(padded[r] + STRIPE - width, rows[r], static_cast<size_t>(width) * sizeof(Element));
      rows[r] = padded[r];
    }
  }
};

// u [count, others] of steps [begin, begin + count), before the temperature.
template <class Dtype, int COUNT>
void rowDifferences(const VlprmStepScore& op, const float* packed, int64_t begin, int64_t count, double* u) {
  const int64_t rowBytes = op.width * static_cast<int64_t>(sizeof(typename Dtype::Element));
  const int64_t rowsAhead = roundUp(1 + FETCH_AHEAD / rowBytes, COUNT);
  const int64_t width = op.width < STRIPE ? STRIPE : op.width;
  const StripeMask mask(width);
  StepRows<Dtype, COUNT> steps;
  const auto write = [&](int64_t at, int64_t j, float product) { u[at * op.others + j] = product + op.bias[j]; };
  for (int64_t at = 0; at < count; at += COUNT) {
    const int64_t real = count - at < COUNT ? count - at : COUNT;
    steps.point(op, begin + at, rowsAhead);
    if (op.width < STRIPE) steps.pad(op.width);
    int64_t j = 0;
    for (; j + 2 <= op.others; j += 2) {
      float products[COUNT][2];
      labelProducts<Dtype, COUNT, 2>(packed + j * roundUp(width, STRIPE), steps.rows, steps.ahead, width, mask, products);
      for (int64_t r = 0; r < real; ++r) {
        write(at + r, j, products[r][0]);
        write(at + r, j + 1, products[r][1]);
      }
    }
    if (j < op.others) {
      float products[COUNT][1];
      labelProducts<Dtype, COUNT, 1>(packed + j * roundUp(width, STRIPE), steps.rows, steps.ahead, width, mask, products);
      for (int64_t r = 0; r < real; ++r) write(at + r, j, products[r][0]);
    }
  }
}

// Memory delivers one row after another best. But label rows that leave no room in the first cache are read for two rows at a time.
template <class Dtype>
void scoreRows(const VlprmStepScore& op, const float* packed, double* u, int64_t begin, int64_t end) {
  const bool wide = op.width * static_cast<int64_t>(sizeof(float)) > LARGE_LABEL;
  for (; begin < end; begin += STEP_BLOCK) {
    const int64_t count = end - begin < STEP_BLOCK ? end - begin : STEP_BLOCK;
    if (wide) {
      rowDifferences<Dtype, 2>(op, packed, begin, count, u);
    } else {
      rowDifferences<Dtype, 1>(op, packed, begin, count, u);
    }
    writeSteps(op, begin, count, u);
  }
}

void packRows(const VlprmStepScore& op, float* packed) {
  for (int64_t j = 0; j < op.others; ++j) packLabel(op.rows + j * op.width, op.width, packed + j * roundUp(op.width, STRIPE));
}

void scoreTwoLayers(const VlprmStepScore& op, const float* panels, char* scratch, int64_t begin, int64_t end) {
  const TwoLayerHead head(op.head, op.width, op.hiddenSize);
  const TileMemory memory(head, scratch);
  for (; begin < end; begin += TILE_ROWS) {
    const int64_t count = end - begin < TILE_ROWS ? end - begin : TILE_ROWS;
    packTile<F32>(head, op.hidden, op.positions, begin, count, memory.tile);
    activate(head, panels, memory.tile, count, memory.activations);
    double logits[TILE_ROWS] = {};
    for (int64_t r = 0; r < count; ++r) logits[r] = outputLogit(head, memory.activations + r * head.paddedUnits);
    writeSteps(op, begin, count, logits);
  }
}

void writeEmptyCandidate(const VlprmStepScore& op, int64_t candidate) {
  for (int k = 0; k < VLPRM_AGGREGATES; ++k) op.aggregates[k][candidate] = NAN;
  op.firstError[candidate] = -1;
}

// x, or NaN if either is NaN.
float smaller(float x, float y) { return x < y || x != x ? x : y; }
float larger(float x, float y) { return x > y || x != x ? x : y; }

void writeCandidate(const VlprmStepScore& op, int64_t candidate, int64_t begin, int64_t end) {
  const int64_t labels = op.others + 1;
  float min = INFINITY;
  float max = -INFINITY;
  double sum = 0;
  double logSum = 0;
  int32_t firstError = -1;
  for (int64_t step = begin; step < end; ++step) {
    const float p = op.probability[step];
    min = smaller(min, p);
    max = larger(max, p);
    sum += p;
    logSum += op.logProbability[step * labels];
    if (firstError < 0 && p < op.threshold) firstError = static_cast<int32_t>(step - begin);
  }
  const double count = static_cast<double>(end - begin);
  op.aggregates[VLPRM_MIN][candidate] = min;
  op.aggregates[VLPRM_MEAN][candidate] = static_cast<float>(sum / count);
  op.aggregates[VLPRM_PRODUCT][candidate] = static_cast<float>(exp(logSum));
  op.aggregates[VLPRM_LAST][candidate] = op.probability[end - 1];
  op.aggregates[VLPRM_MAX][candidate] = max;
  op.aggregates[VLPRM_GEOMETRIC_MEAN][candidate] = static_cast<float>(exp(logSum / count));
  op.firstError[candidate] = firstError;
}

int32_t bestCandidate(const float* scores, int32_t begin, int32_t end) {
  int32_t best = -1;
  for (int32_t candidate = begin; candidate < end; ++candidate) {
    const float score = scores[candidate];
    if (score == score && (best < 0 || score > scores[best])) best = candidate;
  }
  return best;
}

bool votes(const VlprmStepScore& op, const float* scores, int32_t candidate) {
  return op.answers[candidate] >= 0 && scores[candidate] == scores[candidate];
}

// Sums per answer in candidate order. Problems have tens of candidates, so classes are found by scanning, without a table.
int32_t votedAnswer(const VlprmStepScore& op, const float* scores, int32_t begin, int32_t end) {
  int32_t winner = -1;
  double most = -INFINITY;
  for (int32_t first = begin; first < end; ++first) {
    if (!votes(op, scores, first)) continue;
    const int32_t answer = op.answers[first];
    bool seen = false;
    for (int32_t before = begin; before < first && !seen; ++before) seen = op.answers[before] == answer && votes(op, scores, before);
    if (seen) continue;
    double sum = 0;
    for (int32_t candidate = first; candidate < end; ++candidate) {
      if (op.answers[candidate] == answer && votes(op, scores, candidate)) sum += scores[candidate];
    }
    if (sum > most) {
      winner = answer;
      most = sum;
    }
  }
  return winner;
}

void pack(const VlprmStepScore& op, float* packed) {
  if (op.head != nullptr) {
    packPanels(TwoLayerHead(op.head, op.width, op.hiddenSize), packed);
  } else {
    packRows(op, packed);
  }
}

void steps(const VlprmStepScore& op, const float* packed, char* scratch, int64_t begin, int64_t end) {
  double* u = reinterpret_cast<double*>(scratch);
  if (op.head != nullptr) {
    scoreTwoLayers(op, packed, scratch, begin, end);
  } else if (op.dtype == VLPRM_F32) {
    scoreRows<F32>(op, packed, u, begin, end);
  } else if (op.dtype == VLPRM_BF16) {
    scoreRows<BF16>(op, packed, u, begin, end);
  } else {
    scoreRows<F16>(op, packed, u, begin, end);
  }
}

void candidates(const VlprmStepScore& op, int64_t begin, int64_t end) {
  for (int64_t c = begin; c < end; ++c) {
    const int64_t first = op.candidateOffsets[c];
    const int64_t behind = op.candidateOffsets[c + 1];
    if (first == behind) {
      writeEmptyCandidate(op, c);
    } else {
      writeCandidate(op, c, first, behind);
    }
  }
}

void problems(const VlprmStepScore& op, int64_t begin, int64_t end) {
  const float* scores = op.aggregates[op.selectBy];
  for (int64_t p = begin; p < end; ++p) {
    op.best[p] = bestCandidate(scores, op.problemOffsets[p], op.problemOffsets[p + 1]);
    if (op.vote != nullptr) op.vote[p] = votedAnswer(op, scores, op.problemOffsets[p], op.problemOffsets[p + 1]);
  }
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

extern const StepScoreKernels stepScore;
const StepScoreKernels stepScore = {pack, steps, candidates, problems};

}  // namespace vlprm::cpu::VLPRM_ISA
