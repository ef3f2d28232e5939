/** Logits of steps and whether each is right (1) or wrong (0). */
export interface LabelledLogits {
  readonly logits: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
}

/** log(1 + e^x) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Mean negative log-likelihood of σ(scale · logit). */
export function negativeLogLikelihood({ logits, targets }: LabelledLogits, scale = 1): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += softplus(targets[i] === 1 ? -scale * logits[i]! : scale * logits[i]!);
  return sum / logits.length;
}

/** Scales from 1/20 to 20 are tried: beyond them a head is separable or constant, not miscalibrated. */
const LARGEST_SCALE = 20;
const ITERATIONS = 80;

/**
 * Temperature T > 0 that minimises the mean negative log-likelihood of σ(logit / T) (Guo et al. 2017, arXiv 1706.04599).
 * The loss is convex in 1/T; its minimum in [1/20, 20] is found by bisection of the derivative. 1 without rows.
 */
export function fitTemperature(rows: LabelledLogits): number {
  if (rows.logits.length === 0) return 1;
  let [low, high] = [1 / LARGEST_SCALE, LARGEST_SCALE];
  for (let i = 0; i < ITERATIONS; i++) {
    const middle = (low + high) / 2;
    if (slope(rows, middle) < 0) low = middle;
    else high = middle;
  }
  return 2 / (low + high);
}

/** Derivative of the summed loss by the scale: Σ (σ(scale · z) - y) z. */
function slope({ logits, targets }: LabelledLogits, scale: number): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const z = logits[i]!;
    sum += (1 / (1 + Math.exp(-scale * z)) - targets[i]!) * z;
  }
  return sum;
}
