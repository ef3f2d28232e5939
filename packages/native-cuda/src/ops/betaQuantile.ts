/** Quantiles of the Beta distribution. */

/** Lanczos' approximation with g = 7 and 9 terms (Press et al., Numerical Recipes, section 6.1); x > 0. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

function logGamma(x: number): number {
  const shifted = x - 1;
  const base = shifted + 7.5;
  const sum = LANCZOS.reduce((total, term, i) => (i === 0 ? term : total + term / (shifted + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(sum);
}

const TINY = 1e-300;
const CONVERGED = 1e-15;

/** The continued fraction of the incomplete Beta function (https://dlmf.nist.gov/8.17.E22) by Lentz's method. */
function continuedFraction(x: number, a: number, b: number): number {
  const away = (value: number): number => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; ; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const change = d * c;
    result *= change;
    if (Math.abs(change - 1) < CONVERGED) return result;
  }
}

/** Density and regularised incomplete Beta function I_x(a, b) at x in (0, 1); `logBeta` = log B(a, b). */
function distribution(x: number, a: number, b: number, logBeta: number): { density: number; probability: number } {
  const power = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta);
  const density = power / (x * (1 - x));
  if (x < (a + 1) / (a + b + 2)) return { density, probability: (power * continuedFraction(x, a, b)) / a };
  return { density, probability: 1 - (power * continuedFraction(1 - x, b, a)) / b };
}

const SMALLEST = 1e-300;
const PRECISION = 1e-12;

/** x with I_x(a, b) = probability, by Newton steps within a bracket; 0 < probability < 1, a, b > 0. Relative error about 1e-9. */
export function betaQuantile(probability: number, a: number, b: number): number {
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  let low = 0;
  let high = 1;
  let x = a / (a + b);
  while (high > SMALLEST && high - low > PRECISION * high) {
    const at = distribution(x, a, b, logBeta);
    if (at.probability < probability) low = x;
    else high = x;
    const next = x + (probability - at.probability) / at.density;
    if (Math.abs(next - x) <= PRECISION * x) return next;
    // Far below the mean halving the distance to 0 gains too little: the geometric middle.
    x = next > low && next < high ? next : low > 0 ? Math.sqrt(low * high) : high / 8;
  }
  return high > SMALLEST ? (low + high) / 2 : 0;
}
