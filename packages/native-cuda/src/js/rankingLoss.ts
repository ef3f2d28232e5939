/** log(e^a + e^b). */
function logAddExp(a: number, b: number): number {
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/**
 * Loss of one trace under 'pqm' (src/ops/stepLoss.ts) and its derivative by each logit, which replaces it in `slopes`. At least
 * one step.
 *
 * With D_t the sum that step t is measured against, log D grows along the right steps by one logAddExp each, and the derivatives
 * need Σ_{t ≥ i} 1 / D_t, which grows the same way from the end: 2 passes, and no exponential of a positive number.
 */
export function rankTrace(
  logits: Float64Array,
  right: readonly boolean[],
  margin: number,
  slopes: Float64Array,
): number {
  let wrong = -Infinity;
  for (let i = 0; i < logits.length; i += 1) {
    if (right[i] === false) wrong = logAddExp(wrong, (logits[i] as number) + margin);
  }
  const start = logAddExp(0, wrong);
  const hasStart = right.includes(false);
  let loss = hasStart ? start : 0;
  let terms = hasStart ? 1 : 0;
  let total = start;
  for (let i = 0; i < logits.length; i += 1) {
    if (right[i] === false) continue;
    total = logAddExp(total, logits[i] as number);
    loss += total - (logits[i] as number);
    terms += 1;
    slopes[i] = total;
  }
  let tail = -Infinity;
  for (let i = logits.length - 1; i >= 0; i -= 1) {
    if (right[i] === false) continue;
    tail = logAddExp(tail, -(slopes[i] as number));
    slopes[i] = Math.expm1((logits[i] as number) + tail) / terms;
  }
  tail = logAddExp(tail, -start);
  for (let i = 0; i < logits.length; i += 1) {
    if (right[i] === false) slopes[i] = Math.exp((logits[i] as number) + margin + tail) / terms;
  }
  return loss / terms;
}
