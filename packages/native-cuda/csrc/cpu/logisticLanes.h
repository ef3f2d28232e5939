// The logistic function of eight logits at once, in f32. Every lane is computed by itself, so a step's result does not depend on
// which steps share its vector. Errors: about 2e-7 relative in the probability and in the logarithms.
#pragma once
#include "cpu/lanes.h"

namespace {

inline Lanes select(IntLanes condition, Lanes yes, Lanes no) {
  BitLanes a, b;
  memcpy(&a, &yes, sizeof a);
  memcpy(&b, &no, sizeof b);
  const BitLanes mask = (BitLanes)condition;
  return asFloats((a & mask) | (b & ~mask));
}

// exp(-a) for a >= 0: a = n ln 2 + r with |r| <= ln 2 / 2, then the Taylor polynomial of exp(-r) and n taken off the exponent.
// 0 above 87, where f32 begins to lose normal numbers.
inline Lanes expOfMinus(Lanes a) {
  const Lanes bounded = select(a < 87.0f, a, broadcast(87.0f));
  const Lanes shifted = bounded * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the sum's last bits are the rounded integer
  const Lanes n = shifted - 12582912.0f;
  const Lanes r = n * 0.693359375f - bounded + n * -2.12194440e-4f;  // -(a - n ln 2), ln 2 in two parts
  Lanes p = broadcast(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  BitLanes bits;
  memcpy(&bits, &p, sizeof bits);
  bits -= (BitLanes)__builtin_convertvector(n, IntLanes) << 23;
  return select(a < 87.0f, asFloats(bits), broadcast(0.0f));
}

// log(1 + s) for 0 <= s <= 1, as 2 artanh(s / (2 + s)); the series in t² <= 1/9 is cut where its rest is below 2e-9.
inline Lanes logOfOnePlus(Lanes s) {
  const Lanes t = s / (s + 2.0f);
  const Lanes square = t * t;
  Lanes series = broadcast(2.0f / 15);
  series = series * square + 2.0f / 13;
  series = series * square + 2.0f / 11;
  series = series * square + 2.0f / 9;
  series = series * square + 2.0f / 7;
  series = series * square + 2.0f / 5;
  series = series * square + 2.0f / 3;
  series = series * square + 2.0f;
  return series * t;
}

struct LogisticLanes {
  Lanes probability;
  Lanes logPositive;
  Lanes logNegative;
};

inline LogisticLanes logisticLanes(Lanes logit) {
  const IntLanes positive = logit >= 0.0f;
  const Lanes magnitude = select(positive, logit, -logit);
  const Lanes small = expOfMinus(magnitude);
  const Lanes log = logOfOnePlus(small);
  const Lanes likely = 1.0f / (small + 1.0f);
  const Lanes far = -magnitude - log;
  const IntLanes number = logit == logit;
  return {select(number, select(positive, likely, small * likely), logit), select(number, select(positive, -log, far), logit),
          select(number, select(positive, far, -log), logit)};
}

}  // namespace
