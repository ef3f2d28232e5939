import type { AnswerChecker, Judge, Policy } from '@vlprm/core/models';
import type { Reject, Trace } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';
import { relabel, resolveRule, type ErrorRates, type ResolvedRule } from '../consensus/index.ts';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import { estimationStage, type Estimate } from './estimation.ts';
import { rejectSample } from './failure.ts';
import { resolveSynthesisOptions, type ResolvedSynthesisOptions, type SynthesisOptions } from './options.ts';
import { reviewingStages, type ReviewStage } from './reviewing.ts';
import { sampleFailure, samplingStage, type Sample, type SampledProblem } from './sampling.ts';
import type { Stage } from './stage.ts';
import { assembleTraces, type GatheredProblem } from './trace-assembly.ts';

export interface PlanRequest {
  readonly policy: Policy;
  readonly judges: readonly Judge[];
  readonly checker: AnswerChecker;
  readonly options?: SynthesisOptions;
  readonly rule?: string;
  readonly threshold?: number;
  /** What the rule `posterior` goes by. */
  readonly errorRates?: ErrorRates;
}

/** What a synthesis does with every problem. */
export interface SynthesisPlan {
  readonly options: ResolvedSynthesisOptions;
  readonly rule: ResolvedRule;
  readonly sampling: Stage<LoadedProblem, Sample[]>;
  /** Null when no rollouts are asked for. */
  readonly estimation: Stage<SampledProblem, Estimate> | null;
  /** Of judges that take problems one by one. */
  readonly online: readonly ReviewStage[];
  /** Of judges that want many solutions in one call. */
  readonly offline: readonly ReviewStage[];
  /** Labelled traces of a problem and what of it is set aside. */
  conclude(gathered: GatheredProblem): ProblemOutcome;
}

export interface ProblemOutcome {
  readonly traces: Trace[];
  readonly rejects: Reject[];
}

/** @throws ERR_USAGE for judges whose votes could not be told apart */
function requireNames(judges: readonly Judge[]): void {
  const names = judges.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new VlprmError('ERR_USAGE', `two judges have the name ${twice}`, {
    where: '--judge',
    fix: 'name each judge once, and ask for more votes with --votes',
  });
}

/** What of a problem is set aside: samples that are no trace, and reviews that could not be had. */
function rejectsOf({ loaded, samples, reviews }: GatheredProblem): Reject[] {
  const { id } = loaded.problem;
  const unsampled = samples.flatMap((sample, index) => {
    const failure = sampleFailure(sample);
    return failure === null ? [] : [rejectSample('sample', id, index, failure)];
  });
  const unreviewed = reviews.flatMap(({ by, reviews: list }) =>
    list.flatMap((review, index) => (review?.ok === false ? [rejectSample('judge', id, index, review, by)] : [])),
  );
  return [...unsampled, ...unreviewed];
}

/** @throws ERR_RANGE, ERR_USAGE for options, rule and judges */
export function planSynthesis(request: PlanRequest): SynthesisPlan {
  const { policy, judges, checker } = request;
  const options = resolveSynthesisOptions(request.options ?? {});
  const rule = resolveRule(request.rule ?? 'hybrid', request.threshold);
  const label = (traces: readonly Trace[]): Trace[] =>
    relabel(traces, rule.name, { threshold: rule.threshold, errorRates: request.errorRates ?? null });
  // What the rule lacks is told before any call.
  label([]);
  requireNames(judges);
  const reviewing = reviewingStages(judges, options);
  return {
    options,
    rule,
    sampling: samplingStage(policy, options),
    estimation: options.rolloutsPerStep === 0 ? null : estimationStage(policy, checker, options, rule.threshold ?? 0),
    online: reviewing.filter(({ batch }) => batch === null),
    offline: reviewing.filter(({ batch }) => batch !== null),
    conclude: (gathered) => ({
      traces: label(assembleTraces(gathered, policy.name, checker, options)),
      rejects: rejectsOf(gathered),
    }),
  };
}
