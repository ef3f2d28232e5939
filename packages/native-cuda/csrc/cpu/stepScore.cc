#include <math.h>

#include "cpu/kernels.h"
#include "cpu/lanes.h"
#include "cpu/logistic.h"
#include "cpu/logisticLanes.h"
#include "cpu/twoLayerHead.h"

namespace {

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

// Two labels: up to eight steps at once.
void writeLanes(const VlprmStepScore& op, int64_t begin, int64_t count, const double* u) {
  float logits[LANES] = {};
  for (int64_t k = 0; k < count; ++k) logits[k] = static_cast<float>(u[k] / op.temperature);
  const LogisticLanes p = logisticLanes(loadLanes(logits));
  float probability[LANES];
  memcpy(probability, &p.probability, sizeof probability);
  for (int64_t k = 0; k < count; ++k) {
    op.logit[begin + k] = logits[k];
    op.probability[begin + k] = probability[k];
    op.logProbability[2 * (begin + k)] = p.logPositive[k];
    op.logProbability[2 * (begin + k) + 1] = p.logNegative[k];
  }
}

// u [count, others] of steps [begin, begin + count).
void writeSteps(const VlprmStepScore& op, int64_t begin, int64_t count, double* u) {
  if (op.others > 1) {
    for (int64_t k = 0; k < count; ++k) writeStep(op, begin + k, u + k * op.others);
    return;
  }
  for (int64_t k = 0; k < count; k += LANES) writeLanes(op, begin + k, count - k < LANES ? count - k : LANES, u + k);
}

// Rows of steps [begin, begin + ROWS); behind the end the last row stands in, so that every row takes the same path.
template <class Element>
void rowPointers(const VlprmStepScore& op, int64_t begin, const Element* rows[ROWS]) {
  for (int64_t r = 0; r < ROWS; ++r) {
    const int64_t step = begin + r < op.steps ? begin + r : op.steps - 1;
    rows[r] = static_cast<const Element*>(op.hidden) + (op.positions == nullptr ? step : op.positions[step]) * op.width;
  }
}

// u [count, others] of steps [begin, begin + count), before the temperature.
template <class Dtype>
void rowDifferences(const VlprmStepScore& op, const float* packed, int64_t begin, int64_t count, double* u) {
  const int64_t paddedWidth = roundUp(op.width, SPAN);
  for (int64_t at = 0; at < count; at += ROWS) {
    const typename Dtype::Element* rows[ROWS];
    const typename Dtype::Element* next[ROWS];
    rowPointers(op, begin + at, rows);
    rowPointers(op, begin + at + ROWS, next);
    const int64_t real = count - at < ROWS ? count - at : ROWS;
    for (int64_t j = 0; j < op.others; ++j) {
      float products[ROWS];
      fourProducts<Dtype, ROWS>(packed + j * paddedWidth, rows, next, op.width, products);
      for (int64_t r = 0; r < real; ++r) u[(at + r) * op.others + j] = products[r] + op.bias[j];
    }
  }
}

// scratch: u [CHUNK, others], then the packed weights [others, paddedWidth].
template <class Dtype>
void scoreRows(const VlprmStepScore& op, char* scratch) {
  double* u = reinterpret_cast<double*>(scratch);
  float* packed = reinterpret_cast<float*>(u + CHUNK * op.others);
  for (int64_t j = 0; j < op.others; ++j) packWeights<Dtype>(op.rows + j * op.width, op.width, packed + j * roundUp(op.width, SPAN));
  for (int64_t begin = 0; begin < op.steps; begin += CHUNK) {
    const int64_t count = op.steps - begin < CHUNK ? op.steps - begin : CHUNK;
    rowDifferences<Dtype>(op, packed, begin, count, u);
    writeSteps(op, begin, count, u);
  }
}

void scoreTwoLayers(const VlprmStepScore& op, char* scratch) {
  const TwoLayerHead head(op.head, op.width, op.hiddenSize);
  const TileMemory memory(head, scratch);
  packPanels(head, memory.panels);
  for (int64_t begin = 0; begin < op.steps; begin += TILE_ROWS) {
    const int64_t count = op.steps - begin < TILE_ROWS ? op.steps - begin : TILE_ROWS;
    packTile(head, static_cast<const float*>(op.hidden), op.positions, begin, count, memory.tile);
    activate(head, memory.panels, memory.tile, count, memory.activations);
    double logits[TILE_ROWS];
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

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

void stepScore(const VlprmStepScore& op, char* scratch) {
  if (op.head != nullptr) {
    scoreTwoLayers(op, scratch);
  } else if (op.dtype == VLPRM_F32) {
    scoreRows<F32>(op, scratch);
  } else if (op.dtype == VLPRM_BF16) {
    scoreRows<BF16>(op, scratch);
  } else {
    scoreRows<F16>(op, scratch);
  }
  for (int64_t c = 0; c < op.candidates; ++c) {
    const int64_t begin = op.candidateOffsets[c];
    const int64_t end = op.candidateOffsets[c + 1];
    if (begin == end) {
      writeEmptyCandidate(op, c);
    } else {
      writeCandidate(op, c, begin, end);
    }
  }
  const float* scores = op.aggregates[op.selectBy];
  for (int64_t p = 0; p < op.problems; ++p) {
    op.best[p] = bestCandidate(scores, op.problemOffsets[p], op.problemOffsets[p + 1]);
    if (op.vote != nullptr) op.vote[p] = votedAnswer(op, scores, op.problemOffsets[p], op.problemOffsets[p + 1]);
  }
}

}  // namespace vlprm::cpu::VLPRM_ISA
