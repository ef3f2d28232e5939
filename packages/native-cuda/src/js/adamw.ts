import type { AdamWPlan } from '../ops/adamw.ts';

/** Factor that brings the gradient to at most `maxGradNorm`; null when its norm is not finite. */
function clipFactor(gradient: Float32Array, maxGradNorm: number): number | null {
  if (maxGradNorm === 0) return 1;
  let squares = 0;
  for (let i = 0; i < gradient.length; i += 1) squares += (gradient[i] as number) ** 2;
  const norm = Math.sqrt(squares);
  if (!Number.isFinite(norm)) return null;
  return norm > maxGradNorm ? maxGradNorm / norm : 1;
}

/** The definition, each element in float64. */
export function adamw(plan: AdamWPlan): boolean {
  const { parameters, gradient, firstMoment, secondMoment, beta1, beta2, epsilon, stepSize, secondScale, keep } = plan;
  const factor = clipFactor(gradient, plan.maxGradNorm);
  if (factor === null) return false;
  for (let i = 0; i < parameters.length; i += 1) {
    const g = (gradient[i] as number) * factor;
    const first = beta1 * (firstMoment[i] as number) + (1 - beta1) * g;
    const second = beta2 * (secondMoment[i] as number) + (1 - beta2) * g * g;
    firstMoment[i] = first;
    secondMoment[i] = second;
    parameters[i] = keep * (parameters[i] as number) - (stepSize * first) / (Math.sqrt(second) * secondScale + epsilon);
  }
  return true;
}
