#pragma once
#include <math.h>

namespace {

// P(+), log P(+) and log P(-) of one logit, from one exponential.
struct Logistic {
  double probability;
  double logPositive;
  double logNegative;
};

inline Logistic logistic(double logit) {
  const double small = exp(-fabs(logit));
  const double log = log1p(small);
  const bool positive = logit >= 0;
  return {positive ? 1 / (1 + small) : small / (1 + small), positive ? -log : logit - log, positive ? -logit - log : -log};
}

}  // namespace
