import { NativeError } from './errors.ts';
import type { Kernels } from './kernels.ts';
import { AGGREGATES, HIDDEN_DTYPES, type StepScorePlan } from './ops/stepScore.ts';

/** Raised with every change of the functions below or of their arguments; csrc/napi/addon.cc holds the same number. */
export const ADDON_ABI = 1;

/** Argument list of the addon's `stepScore` and `cudaStepScore`. */
export type StepScoreArguments = readonly [
  hidden: Float32Array | Uint16Array,
  dtype: number,
  width: number,
  steps: number,
  positions: Int32Array | null,
  rows: Float32Array | null,
  bias: Float64Array | null,
  others: number,
  headParameters: Float32Array | null,
  headHiddenSize: number,
  temperature: number,
  threshold: number,
  logit: Float32Array,
  probability: Float32Array,
  logProbability: Float32Array,
  candidateOffsets: Int32Array | null,
  aggregates: readonly Float32Array[] | null,
  firstError: Int32Array | null,
  problemOffsets: Int32Array | null,
  selectBy: number,
  answers: Int32Array | null,
  best: Int32Array | null,
  vote: Int32Array | null,
];

/** What vlprm.node exports. It trusts its arguments: only checked plans may reach it. */
export interface NativeAddon {
  readonly abi: number;
  cpuInfo(): { isa: string; threads: number };
  stepScore(...plan: StepScoreArguments): void;
  /** [loss, weightSum]. */
  stepLoss(
    features: Float32Array,
    width: number,
    rows: number,
    rowIndices: Int32Array | null,
    targets: Float32Array,
    weights: Float32Array,
    headParameters: Float32Array,
    headHiddenSize: number,
    squared: boolean,
    labelSmoothing: number,
    gradient: Float32Array,
    sums: Float64Array,
  ): void;
  adamw(
    parameters: Float32Array,
    gradient: Float32Array,
    firstMoment: Float32Array,
    secondMoment: Float32Array,
    beta1: number,
    beta2: number,
    epsilon: number,
    stepSize: number,
    secondScale: number,
    keep: number,
    maxGradNorm: number,
  ): boolean;
  mcLabels(
    outcomes: Uint8Array,
    offsets: Int32Array,
    numerator: number,
    denominator: number,
    z: number,
    correct: Int32Array,
    incorrect: Int32Array,
    unparsable: Int32Array,
    failed: Int32Array,
    rate: Float32Array,
    lower: Float32Array,
    upper: Float32Array,
    label: Int8Array,
  ): number;
  /** Reads every byte of the array as fast as this machine can: the floor that benchmarks compare with. */
  readFloor(array: Float32Array | Uint16Array | Int32Array | Uint8Array): number;
  /** Looks for driver, module and device; `reason` is null when stepScore can run there. */
  cudaProbe(modulePath: string): { detail: string | null; reason: string | null };
  /** Null, or what the device said. */
  cudaStepScore(...plan: StepScoreArguments): string | null;
}

function stepScoreArguments(plan: StepScorePlan): StepScoreArguments {
  const { scorer, output } = plan;
  const rows = scorer.kind === 'rows' ? Float32Array.from(scorer.rows) : null;
  const bias = scorer.kind === 'rows' ? scorer.bias : null;
  const head = scorer.kind === 'head' ? scorer.head : null;
  const { aggregates } = output;
  return [
    plan.hidden,
    HIDDEN_DTYPES.indexOf(plan.dtype),
    plan.width,
    plan.steps,
    plan.positions,
    rows,
    bias,
    scorer.others,
    head === null ? null : head.parameters,
    head === null ? 0 : head.hiddenSize,
    plan.temperature,
    plan.threshold,
    output.logit,
    output.probability,
    output.logProbability,
    plan.candidateOffsets,
    aggregates === undefined ? null : AGGREGATES.map((name) => aggregates[name]),
    aggregates === undefined ? null : aggregates.firstError,
    plan.problemOffsets,
    AGGREGATES.indexOf(plan.selectBy),
    plan.answers,
    output.best ?? null,
    output.vote ?? null,
  ];
}

export function cpuKernels(addon: NativeAddon): Kernels {
  return {
    stepScore: (plan) => addon.stepScore(...stepScoreArguments(plan)),
    stepLoss: (plan) => {
      const sums = new Float64Array(2);
      const { head } = plan;
      addon.stepLoss(
        plan.features,
        plan.width,
        plan.rows,
        plan.rowIndices,
        plan.targets,
        plan.weights,
        head.parameters,
        head.hiddenSize,
        plan.loss === 'mse',
        plan.labelSmoothing,
        plan.gradient,
        sums,
      );
      return { loss: sums[0] as number, weightSum: sums[1] as number };
    },
    adamw: (plan) =>
      addon.adamw(
        plan.parameters,
        plan.gradient,
        plan.firstMoment,
        plan.secondMoment,
        plan.beta1,
        plan.beta2,
        plan.epsilon,
        plan.stepSize,
        plan.secondScale,
        plan.keep,
        plan.maxGradNorm,
      ),
    mcLabels: ({ outcomes, offsets, numerator, denominator, z, output }) =>
      addon.mcLabels(
        outcomes,
        offsets,
        numerator,
        denominator,
        z,
        output.correct,
        output.incorrect,
        output.unparsable,
        output.failed,
        output.rate,
        output.lower,
        output.upper,
        output.label,
      ),
  };
}

export function cudaKernels(addon: NativeAddon): Partial<Kernels> {
  return {
    stepScore: (plan) => {
      const failure = addon.cudaStepScore(...stepScoreArguments(plan));
      if (failure === null) return;
      const outOfMemory = failure.includes('cudaErrorMemoryAllocation');
      throw new NativeError(
        outOfMemory ? 'ERR_VLPRM_OOM' : 'ERR_VLPRM_DEVICE',
        "stepScore on backend 'cuda'",
        failure,
        outOfMemory ? 'score fewer steps per call' : "use backend 'cpu'",
      );
    },
  };
}
